/**
 * `/explain?port=80&from=10.0.0.1[&tls=true][&sni=NAME][&san=dns:NAME]...[&no-cert=true]`: the verdict by what is in force,
 * as JSON, and as a page to whoever asks for HTML.
 */
import { explain, parseSan } from "../policy/explain.ts";
import { parseAddress } from "../policy/address.ts";
import { backendStates } from "../policy/backend-state.ts";
import type { San } from "../policy/decision.ts";
import type { ServiceState } from "../policy/service-state.ts";
import type { Page } from "./page.ts";
import { backendPort } from "../policy/model.ts";
import { isPort } from "../policy/unknown.ts";
import { explainDocument, type Answer } from "./status-page/explain-answer.ts";

const PARAMETERS = ["port", "from", "tls", "sni", "san", "no-cert"];

/** @param forPeople as HTML; then a field that was left empty counts as not filled in */
export function explainPage(state: ServiceState, query: URLSearchParams, forPeople: boolean): Page {
  const asked = forPeople ? new URLSearchParams([...query].filter(([, text]) => text !== "")) : query;
  const answer = answerTo(state, asked);
  const status = answer.kind === "misread" ? 400 : 200;
  if (forPeople) {
    const ports = backendStates(state).map(({ port }) => port);
    return { status, ...explainDocument(answer, asked, ports) };
  }
  const body = answer.kind === "misread" ? { problems: answer.problems } : answer.explanation;
  return { status, body, headers: { vary: "accept" } };
}

function answerTo(state: ServiceState, query: URLSearchParams): Answer {
  const problems: string[] = [];
  for (const name of query.keys())
    if (!PARAMETERS.includes(name)) problems.push(`unknown parameter '${name}'; there are ${PARAMETERS.join(", ")}`);
  for (const name of PARAMETERS)
    if (name !== "san" && query.getAll(name).length > 1) problems.push(`${name} may be given once`);
  const digits = query.get("port") ?? "";
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  if (!isPort(port)) problems.push("port must be the backend port, from 1 to 65535");
  const address = query.get("from") ?? "";
  if (parseAddress(address) === undefined) problems.push("from must be the source address, e.g. from=10.0.0.1");
  const sans = query.getAll("san").flatMap((text): readonly San[] => {
    const san = parseSan(text);
    if (san === undefined) problems.push(`san '${text}' must be dns:NAME or uri:URI`);
    return san === undefined ? [] : [san];
  });
  const noCertificate = switchOf(query, "no-cert", problems) ?? false;
  const speaksTls = switchOf(query, "tls", problems);
  if (noCertificate && sans.length > 0) problems.push("san and no-cert exclude each other");
  const sni = query.get("sni") ?? undefined;
  if (problems.length > 0) return { kind: "misread", problems };
  const tls = noCertificate || sans.length > 0 || sni !== undefined || speaksTls === true;
  const explanation = explain(state, backendPort(port), {
    address,
    tls,
    ...(sni !== undefined && { sni }),
    ...(!noCertificate && { sans }),
  });
  return { kind: "explained", explanation };
}

/** @returns `undefined` where it was not given */
function switchOf(query: URLSearchParams, name: string, problems: string[]): boolean | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (text === "" || text === "true" || text === "false") return text !== "false";
  problems.push(`${name} must be true or false`);
  return undefined;
}
