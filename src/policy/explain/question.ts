/**
 * A question about a supposed caller, read from texts: one reader for the status page, `/explain` and `postern explain`, so that
 * none of them answers what another refuses. Pure and total.
 */
import { parseAddress } from "../address/address.ts";
import type { San } from "../decision.ts";
import { parseSan, type SupposedPeer } from "./explain.ts";
import { backendPort, type BackendPort } from "../model.ts";
import { isPort } from "../objects/unknown.ts";

export const QUESTION_NAMES = ["port", "from", "tls", "sni", "san", "no-cert"] as const;

export type QuestionName = (typeof QUESTION_NAMES)[number];

export interface PeerQuestion {
  readonly port: BackendPort;
  readonly peer: SupposedPeer;
}

/** How whoever asks writes a name, and a switch that is on: `--tls`, or `tls` and `tls=true`. */
export interface Spelling {
  readonly name: (name: QuestionName) => string;
  readonly on: (name: QuestionName) => string;
}

/**
 * A server name and a certificate, or that there is none, are shown over TLS alone: without it they are refused, not ignored.
 *
 * @returns the question, or everything that is wrong with it
 */
export function readPeerQuestion(
  values: ReadonlyMap<string, readonly string[]>,
  { name, on }: Spelling,
): PeerQuestion | { readonly problems: readonly string[] } {
  const problems: string[] = [];
  const wrong = (parameter: QuestionName, text: string, expected: string): void => {
    problems.push(`${name(parameter)} has the value '${text}'; expected ${expected}`);
  };
  const switched = (parameter: QuestionName): boolean => {
    const text = values.get(parameter)?.[0];
    const value = text === undefined ? false : readSwitch(text);
    if (value === undefined) wrong(parameter, text ?? "", "true or false");
    return value === true;
  };
  for (const parameter of ["port", "from"] as const)
    if (!values.has(parameter)) problems.push(`${name(parameter)} is missing`);
  const digits = values.get("port")?.[0] ?? "1";
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  if (!isPort(port)) wrong("port", digits, "the backend port, from 1 to 65535");
  const address = values.get("from")?.[0] ?? "127.0.0.1";
  if (parseAddress(address) === undefined) wrong("from", address, "an IP address such as 10.0.0.1 or fd00::1");
  const sans = (values.get("san") ?? []).flatMap((text): readonly San[] => {
    const san = parseSan(text);
    if (san === undefined) wrong("san", text, "dns:NAME or uri:URI");
    return san === undefined ? [] : [san];
  });
  const sni = values.get("sni")?.[0];
  if (sni === "") wrong("sni", sni, "the name of a server");
  const [tls, noCertificate] = [switched("tls"), switched("no-cert")];
  if (noCertificate && values.has("san")) problems.push(`${name("san")} and ${name("no-cert")} exclude each other`);
  const shown = { sni: values.has("sni"), san: values.has("san"), "no-cert": noCertificate };
  for (const parameter of ["sni", "san", "no-cert"] as const)
    if (shown[parameter] && !tls) problems.push(`${name(parameter)} needs ${on("tls")}`);
  if (problems.length > 0) return { problems };
  return {
    port: backendPort(port),
    peer: { address, tls, ...(sni !== undefined && { sni }), ...(!noCertificate && { sans }) },
  };
}

/** Alone, or `true`, it is on. @returns `undefined` for what is neither on nor off */
export function readSwitch(text: string): boolean | undefined {
  if (text === "" || text === "true") return true;
  return text === "false" ? false : undefined;
}
