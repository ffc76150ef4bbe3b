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
  const port = Number(query.get("port"));
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    problems.push("port must be the backend port, from 1 to 65535");
  const address = query.get("from") ?? "";
  if (parseAddress(address) === undefined) problems.push("from must be the source address, e.g. from=10.0.0.1");
  const sans = query.getAll("san").flatMap((text): readonly San[] => {
    const san = parseSan(text);
    if (san === undefined) problems.push(`san '${text}' must be dns:NAME or uri:URI`);
    return san === undefined ? [] : [san];
  });
  const noCertificate = query.has("no-cert");
  if (noCertificate && sans.length > 0) problems.push("san and no-cert exclude each other");
  if (problems.length > 0) return { kind: "misread", problems };
  const sni = query.get("sni") ?? undefined;
  const tls =
    noCertificate || sans.length > 0 || sni !== undefined || (query.has("tls") && query.get("tls") !== "false");
  const explanation = explain(state, backendPort(port), {
    address,
    tls,
    ...(sni !== undefined && { sni }),
    ...(!noCertificate && { sans }),
  });
  return { kind: "explained", explanation };
}
