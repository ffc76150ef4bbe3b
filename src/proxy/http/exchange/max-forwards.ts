/** How far OPTIONS and TRACE may go (RFC 9110 section 7.6.2); with other methods the field means nothing here. */
import type { RequestHead } from "./message.ts";

const DIGITS = /^\d+$/;
/** A greater count is cut to it, which the RFC leaves to us: no way has so many hops. */
const MOST = 1_000_000;

/**
 * The head for the next hop, one forward less in it. A value that is no number is the application's to judge.
 * @returns `undefined` where the last forward is used up: we are the one that is asked
 */
export function nextHop(head: RequestHead): RequestHead | undefined {
  if (head.method !== "OPTIONS" && head.method !== "TRACE") return head;
  let lines: string[] | undefined;
  for (let index = 0; index < head.lines.length; index += 2) {
    if (head.lines[index]!.toLowerCase() !== "max-forwards") continue;
    const value = head.lines[index + 1]!.trim();
    if (!DIGITS.test(value)) continue;
    const left = Math.min(Number(value), MOST);
    if (left === 0) return undefined;
    lines ??= [...head.lines];
    lines[index + 1] = String(left - 1);
  }
  return lines === undefined ? head : { ...head, lines };
}
