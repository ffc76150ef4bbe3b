/** What a reader makes of bytes that come in parts, in a form that can be compared. */
import { ResponseReader, type ResponseLimits } from "../../../../src/proxy/http/wire/response-reader.ts";
import type { ResponseHead } from "../../../../src/proxy/http/wire/response-head.ts";

export interface ReadResponse {
  readonly interim: readonly number[];
  readonly status: number | undefined;
  readonly lines: readonly string[];
  readonly body: string;
  readonly trailers: readonly string[];
  readonly persistent: boolean;
  readonly ended: boolean;
  /** Bytes came behind the message. */
  readonly rest: boolean;
  /** The kind of the fault. */
  readonly fault: string | undefined;
}

export const LIMITS: ResponseLimits = { maxBytes: 1_024, maxLines: 20 };

/** @param parts of one response, in latin1; behind the last one the connection ends */
export function readParts(parts: readonly string[], toHead = false, limits = LIMITS): ReadResponse {
  const interim: number[] = [];
  let head: ResponseHead | undefined;
  let body = "";
  let trailers: readonly string[] = [];
  let ended = false;
  let rest = false;
  const reader = new ResponseReader(limits, {
    onInterim: ({ status }) => interim.push(status),
    onHead: (final) => (head = final),
    onData: (data) => (body += data.toString("latin1")),
    onEnd: (final, more) => {
      trailers = final;
      ended = true;
      rest = more;
      reader.stop();
    },
  });
  reader.expect(toHead);
  let fault: string | undefined;
  for (const part of parts) fault ??= reader.read(Buffer.from(part, "latin1"))?.kind;
  if (fault === undefined && !reader.finish()) fault = "incomplete";
  return {
    interim,
    status: head?.status,
    lines: head?.lines ?? [],
    body,
    trailers,
    persistent: head?.persistent ?? false,
    ended,
    rest,
    fault,
  };
}

/** Each way to cut a text in two. */
export function cutsOf(text: string): readonly (readonly string[])[] {
  return Array.from({ length: text.length + 1 }, (_, at) => [text.slice(0, at), text.slice(at)]);
}
