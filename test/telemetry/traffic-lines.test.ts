/** The lines of the threads are those that the log of the process would write of the same fields. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineText } from "../../src/telemetry/line-text.ts";
import { createLog } from "../../src/telemetry/log.ts";
import type { ConnectionRecord, RequestCaller, RequestFacts } from "../../src/telemetry/records.ts";
import { headlineOfConnection, headlineOfRequest, type Headline } from "../../src/telemetry/severity.ts";
import { callerText, writeConnectionLine, writeRequestLine } from "../../src/telemetry/traffic-lines.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 67);
const HOSTILE = [
  '"},{"level":"info","event":"forged"}',
  'a"\n{"level":"error"}\n',
  "\u0000\u0001\u001f\u007f\u0080\u0085",
  "\u2028\u2029",
  "back\\slash \\u0022 \\",
  "\r\n\t\b\f\v",
  "\u00e9\u{1f600}\ufeff\uffff",
];
const LONE = ["\ud800", "a\udfffb", `\ud83d${"x".repeat(200)}`, "\udc00\ud800"];

const wellFormed = fc.oneof(
  fc.string({ unit: "binary", maxLength: 150 }),
  fc.string({ maxLength: 150 }),
  fc.constantFrom(...HOSTILE),
);
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const count = fc.oneof(fc.nat(2 ** 40), fc.nat(2_000_000), fc.nat(1_000));
const milliseconds = fc.oneof(
  fc.nat(10_000_000).map((micros) => micros / 1000),
  fc.nat(1_100_000),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
);

function requests(text: fc.Arbitrary<string>) {
  return fc.record({
    caller: fc.record<RequestCaller>({
      connection: text,
      thread: fc.nat(64),
      port: fc.nat(65_535),
      address: text,
      policy: maybe(text),
      source: maybe(text),
      principal: maybe(text),
      sans: maybe(fc.array(text, { maxLength: 4 })),
    }),
    facts: fc.record<RequestFacts>({
      requestId: text,
      method: text,
      path: text,
      protocol: fc.constantFrom("HTTP/1.0", "HTTP/1.1", "HTTP/2"),
      status: fc.constantFrom(0, 101, 200, 403, 502),
      reason: fc.constantFrom(undefined, "principal-not-listed", "upstream-reset", "request-cancelled"),
      userAgent: maybe(text),
      traceparent: maybe(text),
      span: fc.constant(undefined),
      startedAt: count,
      durationMs: milliseconds,
      firstByteMs: maybe(milliseconds),
      bytesIn: count,
      bytesOut: count,
    }),
    nearest: maybe(text),
    suppressed: fc.nat(3),
  });
}

function connections(text: fc.Arbitrary<string>) {
  return fc.record<ConnectionRecord>({
    id: text,
    thread: fc.nat(64),
    port: fc.nat(65_535),
    end: fc.constantFrom("served", "refused", "revoked", "handshake-failed", "internal-error", "silent", "drained"),
    reason: fc.constantFrom(undefined, "source-not-listed"),
    verdict: fc.constantFrom(undefined, "forward", "close"),
    policy: maybe(text),
    source: maybe(text),
    principal: maybe(text),
    sni: maybe(text),
    sans: maybe(fc.array(text, { maxLength: 4 })),
    nearest: maybe(text),
    detail: maybe(text),
    address: text,
    startedAt: count,
    durationMs: count,
    bytesIn: count,
    bytesOut: count,
    requests: count,
    suppressed: fc.nat(3),
  });
}

/** Into a text that has to grow. */
function written(write: (text: LineText) => void): string {
  const text = new LineText(16);
  write(text);
  return text.take();
}

/** What the log of the process writes, at the same moment. */
function logged({ severity, message }: Headline, fields: object): string {
  let written = "";
  const log = createLog("debug", (line) => {
    written += line;
  });
  log[severity](fields, message);
  return written.replace(/"time":"[^"]*"/, `"time":"${new Date(NOW).toISOString()}"`);
}

type Request = typeof requests extends (text: fc.Arbitrary<string>) => fc.Arbitrary<infer Value> ? Value : never;

function requestLines({ caller, facts, nearest, suppressed }: Request) {
  const { connection, thread, port, ...who } = caller;
  const { requestId, method, path, protocol, span: _, ...rest } = facts;
  return {
    ours: written((text) => writeRequestLine(text, callerText(caller), facts, nearest, suppressed, NOW)),
    theirs: logged(headlineOfRequest(facts), {
      event: "request",
      connection,
      thread,
      port,
      method,
      path,
      protocol,
      ...who,
      requestId,
      ...rest,
      nearest,
      suppressed: suppressed > 0 ? suppressed : undefined,
    }),
  };
}

function connectionLines(record: ConnectionRecord) {
  const { suppressed } = record;
  return {
    ours: written((text) => writeConnectionLine(text, record, NOW)),
    theirs: logged(headlineOfConnection(record.end), {
      event: "connection",
      ...record,
      suppressed: suppressed > 0 ? suppressed : undefined,
    }),
  };
}

function assertSameBytes({ ours, theirs }: { readonly ours: string; readonly theirs: string }): void {
  assert.equal(ours, theirs);
  assert.deepEqual(Buffer.from(ours), Buffer.from(theirs));
  assert.equal(ours.indexOf("\n"), ours.length - 1);
}

test("a request is the bytes that the log would write, whatever is in its fields", () => {
  fc.assert(fc.property(requests(wellFormed), (request) => assertSameBytes(requestLines(request))));
});

test("a connection is the bytes that the log would write, whatever is in its fields", () => {
  fc.assert(fc.property(connections(wellFormed), (record) => assertSameBytes(connectionLines(record))));
});

// The log itself writes some of them raw on Node 24, which become U+FFFD on the way out.
test("lone surrogates are escaped, and are the same text when read again", () => {
  const text = fc.oneof(
    fc.constantFrom(...LONE),
    fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
  );
  const same = ({ ours, theirs }: { readonly ours: string; readonly theirs: string }): void => {
    const bytes = Buffer.from(ours).toString();
    assert.equal(bytes, ours);
    assert.deepEqual(JSON.parse(bytes), JSON.parse(theirs));
    assert.equal(ours.indexOf("\n"), ours.length - 1);
  };
  fc.assert(fc.property(requests(text), (request) => same(requestLines(request))));
  fc.assert(fc.property(connections(text), (record) => same(connectionLines(record))));
});
