/** The head of a response to an HTTP/1.1 caller, as Node's server writes it: the same fields in the same places. */
import { STATUS_CODES } from "node:http";
import { encodeFields } from "../wire/encode.ts";
import { WireFault } from "../wire/wire-fault.ts";

export interface ResponseHeadForm {
  readonly status: number;
  /** Flat name-value array without hop-by-hop lines. */
  readonly lines: readonly string[];
  readonly chunked: boolean;
  /** It is the last on its connection. */
  readonly last: boolean;
  /** How long an idle connection is kept, as it is told to the caller. */
  readonly keepAliveMs: number;
}

/** @throws where a value would make two messages of one */
export function responseHead({ status, lines, chunked, last, keepAliveMs }: ResponseHeadForm): string {
  const fields = encodeFields(lines);
  if (fields instanceof WireFault) throw new Error(fields.reason);
  const date = hasField(lines, "date") ? "" : `Date: ${dateOf(Date.now())}\r\n`;
  const upgrade = asksForUpgrade(status, lines) ? ", upgrade" : "";
  const connection = last
    ? `Connection: close${upgrade}\r\n`
    : `Connection: keep-alive${upgrade}\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1_000)}\r\n`;
  const framing = chunked ? "Transfer-Encoding: chunked\r\n" : "";
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n${fields}${date}${connection}${framing}\r\n`;
}

/** @param status below 200; such a response is its head alone @throws as `responseHead` does */
export function informationalHead(status: number, lines: readonly string[]): string {
  const fields = encodeFields(lines);
  if (fields instanceof WireFault) throw new Error(fields.reason);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n${fields}\r\n`;
}

/** Its Upgrade field is for this hop, which the Connection field has to say (RFC 9110 section 7.8). */
export function asksForUpgrade(status: number, lines: readonly string[]): boolean {
  return status === 426 && hasField(lines, "upgrade");
}

function hasField(lines: readonly string[], name: string): boolean {
  for (let index = 0; index < lines.length; index += 2)
    if (lines[index]!.length === name.length && lines[index]!.toLowerCase() === name) return true;
  return false;
}

let second = 0;
let date = "";

/** Made once a second. */
function dateOf(nowMs: number): string {
  const current = Math.floor(nowMs / 1_000);
  if (current !== second) {
    second = current;
    date = new Date(nowMs).toUTCString();
  }
  return date;
}
