/** An application, or what speaks through it, that answers in two ways at once: no caller gets another's answer. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Target } from "../support/caller/attack.ts";

let target: Target;

before(async () => {
  target = await Target.start(["--response-idle-timeout=1s"]);
});

after(() => target?.[Symbol.asyncDispose]());

const FORGED = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged";
const rows: readonly (readonly [name: string, answer: string, expected: RegExp])[] = [
  [
    "both framings",
    "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    /^HTTP\/1\.1 502 /,
  ],
  ["two lengths", `HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok${FORGED}`, /^HTTP\/1\.1 502 /],
  ["an unknown encoding", `HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n${FORGED}`, /^HTTP\/1\.1 502 /],
  ["no length that is a number", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", /^HTTP\/1\.1 502 /],
  [
    "a second answer behind the first",
    `HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst${FORGED}`,
    /^HTTP\/1\.1 200 [^]*first$/,
  ],
  ["a body behind 204", `HTTP/1.1 204 No Content\r\n\r\n${FORGED}`, /^HTTP\/1\.1 204 (?:(?!forged)[^])*$/],
  ["a body behind 304", `HTTP/1.1 304 Not Modified\r\n\r\n${FORGED}`, /^HTTP\/1\.1 304 (?:(?!forged)[^])*$/],
  [
    "a storm of informational answers",
    `${"HTTP/1.1 102 Processing\r\n\r\n".repeat(2_000)}HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok`,
    // As many as are passed on for one request.
    /^(?:HTTP\/1\.1 102 Processing\r\n\r\n){16}HTTP\/1\.1 200 [^]*ok$/,
  ],
  [
    "a switch of protocols that nobody asked for",
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    /^HTTP\/1\.1 50[24] /,
  ],
  ["a header line without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", /^HTTP\/1\.1 502 /],
  ["a bare CR in a value", "HTTP/1.1 200 OK\r\nx: a\rb\r\ncontent-length: 0\r\n\r\n", /^HTTP\/1\.1 502 /],
  ["a header without end", `HTTP/1.1 200 OK\r\nx: ${"y".repeat(100_000)}\r\n\r\n`, /^HTTP\/1\.1 502 /],
  ["silence", "", /^HTTP\/1\.1 504 /],
];

for (const [name, answer, expected] of rows) {
  test(name, async () => {
    target.recorder.answer = ({ line }) => (line.includes("/attack") ? answer : undefined);
    const text = await target.send("GET /attack HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    assert.match(text, expected);
    await target.provesAlive();
  });
}
