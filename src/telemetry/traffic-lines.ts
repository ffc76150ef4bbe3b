/**
 * Ended requests and connections as log lines, which are those that the log of the process would write, made where they
 * end. A refusal says policy, reason, source address and presented SANs; of a request its query, which may hold secrets, is
 * never shown.
 */
import { LineText } from "./line-text.ts";
import type { ConnectionRecord, RequestCaller, RequestFacts } from "./records.ts";
import { headlineOfConnection, headlineOfRequest } from "./severity.ts";

/** The fields of a request's line that are those of its connection, as they stand in the line. */
export interface CallerText {
  readonly connection: Uint8Array;
  readonly caller: Uint8Array;
}

export function callerText(caller: RequestCaller): CallerText {
  return {
    connection: bytesOf((text) =>
      text
        .literal(`,"event":"request"`)
        .stringField(`,"connection":`, caller.connection)
        .numberField(`,"thread":`, caller.thread)
        .numberField(`,"port":`, caller.port)
        .literal(`,"method":`),
    ),
    caller: bytesOf((text) =>
      text
        .stringField(`,"address":`, caller.address)
        .stringField(`,"policy":`, caller.policy)
        .stringField(`,"source":`, caller.source)
        .stringField(`,"principal":`, caller.principal)
        .listField(`,"sans":`, caller.sans)
        .literal(`,"requestId":`),
    ),
  };
}

/**
 * @param text takes the line
 * @param caller of the request's connection
 * @param nearest of a refusal: what came nearest to being allowed
 * @param suppressed refusals of this source that were not written before this one
 * @param now milliseconds since 1970: the time of the line
 */
export function writeRequestLine(
  text: LineText,
  caller: CallerText,
  facts: RequestFacts,
  nearest: string | undefined,
  suppressed: number,
  now: number,
): void {
  const headline = headlineOfRequest(facts);
  text.beginLine();
  text
    .stringField(`{"level":`, headline.severity)
    .stringField(`,"time":`, isoTime(now))
    .bytes(caller.connection)
    .string(facts.method)
    .stringField(`,"path":`, facts.path)
    .stringField(`,"protocol":`, facts.protocol)
    .bytes(caller.caller)
    .string(facts.requestId)
    .numberField(`,"status":`, facts.status)
    .stringField(`,"reason":`, facts.reason)
    .stringField(`,"userAgent":`, facts.userAgent)
    .stringField(`,"traceparent":`, facts.traceparent)
    .numberField(`,"startedAt":`, facts.startedAt)
    .numberField(`,"durationMs":`, facts.durationMs)
    .numberField(`,"firstByteMs":`, facts.firstByteMs)
    .numberField(`,"bytesIn":`, facts.bytesIn)
    .numberField(`,"bytesOut":`, facts.bytesOut)
    .stringField(`,"nearest":`, nearest)
    .numberField(`,"suppressed":`, suppressed > 0 ? suppressed : undefined)
    .stringField(`,"message":`, headline.message)
    .literal("}\n");
  text.endLine();
}

export function writeConnectionLine(text: LineText, record: ConnectionRecord, now: number): void {
  const headline = headlineOfConnection(record.end);
  text.beginLine();
  text
    .stringField(`{"level":`, headline.severity)
    .stringField(`,"time":`, isoTime(now))
    .literal(`,"event":"connection"`)
    .stringField(`,"id":`, record.id)
    .numberField(`,"thread":`, record.thread)
    .numberField(`,"port":`, record.port)
    .stringField(`,"end":`, record.end)
    .stringField(`,"reason":`, record.reason)
    .stringField(`,"verdict":`, record.verdict)
    .stringField(`,"policy":`, record.policy)
    .stringField(`,"source":`, record.source)
    .stringField(`,"principal":`, record.principal)
    .stringField(`,"sni":`, record.sni)
    .listField(`,"sans":`, record.sans)
    .stringField(`,"nearest":`, record.nearest)
    .stringField(`,"detail":`, record.detail)
    .stringField(`,"address":`, record.address)
    .numberField(`,"startedAt":`, record.startedAt)
    .numberField(`,"durationMs":`, record.durationMs)
    .numberField(`,"bytesIn":`, record.bytesIn)
    .numberField(`,"bytesOut":`, record.bytesOut)
    .numberField(`,"requests":`, record.requests)
    .numberField(`,"suppressed":`, record.suppressed > 0 ? record.suppressed : undefined)
    .stringField(`,"message":`, headline.message)
    .literal("}\n");
  text.endLine();
}

/** A connection that audit let in, as soon as it is: it may last for days. */
export function writeWouldRefuseLine(
  text: LineText,
  record: Pick<
    ConnectionRecord,
    "id" | "thread" | "port" | "address" | "reason" | "policy" | "sni" | "sans" | "nearest" | "suppressed"
  >,
  now: number,
): void {
  text.beginLine();
  text
    .stringField(`{"level":`, "warn")
    .stringField(`,"time":`, isoTime(now))
    .literal(`,"event":"would-refuse"`)
    .stringField(`,"id":`, record.id)
    .numberField(`,"thread":`, record.thread)
    .numberField(`,"port":`, record.port)
    .stringField(`,"reason":`, record.reason)
    .stringField(`,"policy":`, record.policy)
    .stringField(`,"sni":`, record.sni)
    .listField(`,"sans":`, record.sans)
    .stringField(`,"nearest":`, record.nearest)
    .stringField(`,"address":`, record.address)
    .numberField(`,"suppressed":`, record.suppressed > 0 ? record.suppressed : undefined)
    .stringField(`,"message":`, "audit: connection would be refused, and is forwarded")
    .literal("}\n");
  text.endLine();
}

function bytesOf(write: (text: LineText) => void): Uint8Array {
  const text = new LineText(512);
  text.beginLine();
  write(text);
  text.endLine();
  return Buffer.from(text.take());
}

/** Lines come many to the millisecond. */
let isoAt = Number.NaN;
let isoText = "";

function isoTime(now: number): string {
  if (now !== isoAt) {
    isoAt = now;
    isoText = new Date(now).toISOString();
  }
  return isoText;
}
