/**
 * Ended requests and connections as log lines: JSON text as the log of the process writes it, made where they end. A
 * refusal says policy, reason, source address and presented SANs; of a request its query, which may hold secrets, is never
 * shown.
 */
import { jsonString, listField, numberField, stringField } from "./json-text.ts";
import type { ConnectionRecord, RequestCaller, RequestFacts } from "./records.ts";
import { headlineOfConnection, headlineOfRequest, type Headline } from "./severity.ts";

/** The fields of a request's line that are those of its connection, as text. */
export interface CallerText {
  readonly head: string;
  readonly caller: string;
}

export function callerText(caller: RequestCaller): CallerText {
  const { connection, thread, port, address, policy, source, principal, sans } = caller;
  return {
    head: `,"event":"request"${stringField("connection", connection)},"thread":${thread},"port":${port}`,
    caller:
      stringField("address", address) +
      stringField("policy", policy) +
      stringField("source", source) +
      stringField("principal", principal) +
      listField("sans", sans),
  };
}

/**
 * @param text of the request's caller
 * @param nearest of a refusal: what came nearest to being allowed
 * @param suppressed refusals of this source that were not written before this one
 * @param now milliseconds since 1970: the time of the line
 */
export function requestLine(
  text: CallerText,
  facts: RequestFacts,
  nearest: string | undefined,
  suppressed: number,
  now: number,
): string {
  const headline = headlineOfRequest(facts);
  return (
    `${opening(headline, now)}${text.head},"method":${jsonString(facts.method)},"path":${jsonString(facts.path)}` +
    `,"protocol":"${facts.protocol}"${text.caller},"requestId":${jsonString(facts.requestId)},"status":${facts.status}` +
    stringField("reason", facts.reason) +
    stringField("userAgent", facts.userAgent) +
    stringField("traceparent", facts.traceparent) +
    `,"startedAt":${facts.startedAt},"durationMs":${facts.durationMs}${numberField("firstByteMs", facts.firstByteMs)}` +
    `,"bytesIn":${facts.bytesIn},"bytesOut":${facts.bytesOut}` +
    stringField("nearest", nearest) +
    (suppressed > 0 ? numberField("suppressed", suppressed) : "") +
    closing(headline)
  );
}

export function connectionLine(record: ConnectionRecord, now: number): string {
  const headline = headlineOfConnection(record.end);
  return (
    `${opening(headline, now)},"event":"connection"${stringField("id", record.id)}` +
    `,"thread":${record.thread},"port":${record.port},"end":"${record.end}"` +
    stringField("reason", record.reason) +
    stringField("verdict", record.verdict) +
    stringField("policy", record.policy) +
    stringField("source", record.source) +
    stringField("principal", record.principal) +
    stringField("sni", record.sni) +
    listField("sans", record.sans) +
    stringField("nearest", record.nearest) +
    stringField("detail", record.detail) +
    stringField("address", record.address) +
    `,"startedAt":${record.startedAt},"durationMs":${record.durationMs}` +
    `,"bytesIn":${record.bytesIn},"bytesOut":${record.bytesOut},"requests":${record.requests}` +
    (record.suppressed > 0 ? numberField("suppressed", record.suppressed) : "") +
    closing(headline)
  );
}

function opening({ severity }: Headline, now: number): string {
  return `{"level":"${severity}","time":"${isoTime(now)}"`;
}

function closing({ message }: Headline): string {
  return `,"message":"${message}"}\n`;
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
