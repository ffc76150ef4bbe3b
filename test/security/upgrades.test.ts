/** Upgrades are the way around every rule for requests, if they are let: tails, answers that are none, and h2c. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Target } from "../support/caller/attack.ts";

let target: Target;

before(async () => {
  target = await Target.start(["--response-idle-timeout=1s"]);
});

after(() => target?.[Symbol.asyncDispose]());

const KEY = "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const upgrade = (more = "", protocol = "websocket", line = "GET /ws HTTP/1.1"): string =>
  `${line}\r\nhost: a\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n${KEY}${more}\r\n`;
const TAIL = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";

/** Requests that reached the application for these bytes, and the first line that came back. */
async function outcome(bytes: string) {
  const before = target.recorder.requests.length;
  const text = await target.send(bytes);
  const came = target.recorder.requests.slice(before);
  return { text, lines: came.map(({ line }) => line), headers: came[0]?.headers };
}

test("an answer that is no 101 ends the upgrade: its tail is never a request", async () => {
  target.recorder.answer = ({ line }) =>
    line.includes("/ws") ? "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno" : undefined;
  const { text, lines } = await outcome(upgrade() + TAIL);
  assert.match(text, /^HTTP\/1\.1 403 /);
  assert.deepEqual(lines, ["GET /ws HTTP/1.1"]);
  await target.provesAlive();
});

test("h2c is never asked for on behalf of a caller, beside or instead of websocket", async () => {
  target.recorder.answer = undefined;
  for (const protocol of ["h2c", "h2c, websocket", "websocket, h2c", "HTTP/2.0"]) {
    const { lines, headers } = await outcome(upgrade("http2-settings: AAMAAABkAAQAAP__\r\n", protocol));
    for (const line of lines) assert.equal(line, "GET /ws HTTP/1.1");
    for (const name of ["upgrade", "http2-settings"]) assert.equal(headers?.get(name), undefined, protocol);
  }
  await target.provesAlive();
});

test("an upgrade with a body, by another method or version is no upgrade", async () => {
  const rows = [
    [upgrade("content-length: 5\r\n"), /^HTTP\/1\.1 400 /],
    [upgrade("transfer-encoding: chunked\r\n"), /^HTTP\/1\.1 400 /],
    [upgrade("", "websocket", "POST /ws HTTP/1.1"), /^HTTP\/1\.1 200 /],
    [upgrade("", "websocket", "GET /ws HTTP/1.0"), /^HTTP\/1\.1 200 /],
    [upgrade("host: b\r\n"), /^HTTP\/1\.1 400 /],
    [upgrade("", "websocket", "GET http://b/ws HTTP/1.1"), /^HTTP\/1\.1 400 /],
  ] as const;
  for (const [bytes, expected] of rows) {
    const { text, headers } = await outcome(bytes);
    assert.match(text, expected, bytes);
    assert.equal(headers?.get("upgrade"), undefined);
  }
  await target.provesAlive();
});

test("identity in an upgrade cannot be forged either", async () => {
  target.recorder.answer = ({ line }) =>
    line.includes("/ws") ? "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" : undefined;
  const { headers } = await outcome(
    upgrade("x-forwarded-client-cert: By=forged\r\nX_Forwarded_Client_Cert: By=twin\r\n"),
  );
  assert.deepEqual(
    [...(headers ?? [])].filter(([name]) => name.replaceAll("_", "-") === "x-forwarded-client-cert"),
    [],
  );
  await target.provesAlive();
});

test("an application that never answers an upgrade is 504", async () => {
  target.recorder.answer = ({ line }) => (line.includes("/ws") ? "" : undefined);
  const text = await target.send(upgrade());
  assert.match(text, /^HTTP\/1\.1 504 /);
  await target.provesAlive();
});
