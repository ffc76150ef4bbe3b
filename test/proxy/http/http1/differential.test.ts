/**
 * The same bytes through both readers of HTTP/1.1: ours, and Node's alone. The application must see the same messages and the
 * caller get the same responses. Longer by hand: DIFFERENTIAL_SECONDS=600; a failure names its seed for DIFFERENTIAL_SEED.
 */
import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { connect } from "../../../support/caller/caller.ts";
import type { RecordedRequest } from "../../../support/application/recorder.ts";
import { ForwarderRig } from "./forwarder-rig.ts";

const SECONDS = Number(process.env["DIFFERENTIAL_SECONDS"] ?? 5);
const SEED = Number(process.env["DIFFERENTIAL_SEED"] ?? 20_261_128);
/** What was begun at the end has a minute. */
const TIMEOUT_MS = SECONDS * 1_000 + 60_000;
const LIMITS = {
  headerTimeoutMs: 250,
  requestIdleTimeoutMs: 250,
  maxHeaderBytes: 2_048,
  maxHeaders: 12,
  maxUpstreamConnections: 2,
};

let direct: ForwarderRig;
let node: ForwarderRig;

before(async () => {
  direct = await ForwarderRig.start(LIMITS, false);
  node = await ForwarderRig.start(LIMITS, true);
  for (const rig of [direct, node]) rig.recorder.answer = answerTo;
});

after(async () => {
  await direct?.[Symbol.asyncDispose]();
  await node?.[Symbol.asyncDispose]();
});

/** By path; the usual answer to every other. */
const ANSWERS: Readonly<Record<string, readonly [head: string, body: string]>> = {
  "/chunked": ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n", "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"],
  "/trailers": [
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n",
    "1\r\na\r\n0\r\nx-t: 1\r\nx-t: 2\r\nset-cookie: a\r\n\r\n",
  ],
  "/204": ["HTTP/1.1 204 No Content\r\n", ""],
  "/304": ["HTTP/1.1 304 Not Modified\r\netag: a\r\n", ""],
  "/205": ["HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n", ""],
  "/299": ["HTTP/1.1 299 Whatever\r\ncontent-length: 0\r\ndate: mine\r\nkeep-alive: timeout=1\r\n", ""],
  "/hints": ["HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n", "x"],
  "/large": ["HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n", "y".repeat(70_000)],
  "/large-chunk": ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n", `11170\r\n${"y".repeat(70_000)}\r\n0\r\n\r\n`],
  "/high": ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-high: \xe9\r\nX-Twice: 1\r\nx-twice: 2\r\n", "\xff\x80"],
  "/invalid": ["HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n", "x"],
  "/nonsense": ["nonsense\r\n", ""],
};

function answerTo({ line: first }: RecordedRequest): string | undefined {
  const [method, target = ""] = first.split(" ");
  const [head, content] = ANSWERS[target] ?? [];
  return head === undefined ? undefined : `${head}\r\n${method === "HEAD" ? "" : content}`;
}

const often = <Value>(usual: readonly Value[], odd: readonly Value[]): fc.Arbitrary<Value> =>
  fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: fc.constantFrom(...odd) });

const requestLine = fc
  .tuple(
    often(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "M-SEARCH"], ["BREW", "get", "G(T", ""]),
    often(
      ["/", ...Object.keys(ANSWERS), "/a?b=c", "/a/../%2e//", '/\\x|"<>`{}'],
      ["/\xe9", "*", "http://a/x", "http://b/x", "http://a", "/a#b", "a", ""],
    ),
    often(["HTTP/1.1"], ["HTTP/1.0", "HTTP/2.0", "HTTP/1.10", "http/1.1", "HTTP/0.9", ""]),
  )
  .map((parts) => parts.join(" "));

const line = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      "x-a: b",
      "X-A:c",
      "x-empty:",
      "x-spaces: \t y z \t ",
      "x-high: \xe9\xff",
      "te: trailers",
      "user-agent: x",
      "x-request-id: 1",
      "x-forwarded-client-cert: Hash=1",
      "cookie: a=b; c=d",
      "accept: */*",
      "content-type: text/plain",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "connection: keep-alive",
      "connection: x-a",
      "connection: Keep-Alive, x-a",
      "connection: close",
      "expect: 100-continue",
      "expect: something",
      "upgrade: h2c",
      "x_forwarded_client_cert: Hash=2",
      "host: a",
      "host: b",
      "content-length: 3",
      "transfer-encoding: chunked",
      "transfer-encoding: gzip, chunked",
      "transfer-encoding:\tchunked",
      "x-bad : y",
      " folded",
      "x-nul: \0",
      "x-cr: a\rb",
      "no colon",
      ": no name",
      `x-long: ${"y".repeat(1_500)}`,
    ),
  },
);

const chunk = fc
  .tuple(fc.integer({ min: 1, max: 40 }), often(["", ";a", ";a=b", ';a="b c"'], [" ", " ;a", "\t", ";a\x01"]))
  .map(([size, extension]) => `${size.toString(16)}${extension}\r\n${"c".repeat(size)}\r\n`);

const trailer = often(
  ["x-t: 1", "x-t: 2", "X-U:"],
  ["x-forwarded-client-cert: Hash=3", "content-length: 3", "host: b", "connection: x", "x-bad : y", "x: \0"],
);

const body = fc.oneof(
  fc.constant({ framing: "", bytes: "" }),
  fc.integer({ min: 0, max: 60 }).map((size) => ({ framing: `Content-Length: ${size}\r\n`, bytes: "l".repeat(size) })),
  fc.tuple(fc.array(chunk, { maxLength: 4 }), fc.array(trailer, { maxLength: 2 })).map(([chunks, trailers]) => ({
    framing: "Transfer-Encoding: chunked\r\n",
    bytes: `${chunks.join("")}0\r\n${trailers.map((one) => `${one}\r\n`).join("")}\r\n`,
  })),
);

const message = fc
  .tuple(
    requestLine,
    fc.array(line, { maxLength: 5 }),
    body,
    often(["host: a\r\n"], ["", "host: a@b\r\n", "host: \r\n"]),
  )
  .map(
    ([first, lines, { framing, bytes }, host]) =>
      `${first}\r\n${host}${lines.map((one) => `${one}\r\n`).join("")}${framing}\r\n${bytes}`,
  );

/** Where bytes are put in or left out, for one conversation in some. */
const tear = fc.option(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    out: fc.integer({ min: 0, max: 3 }),
    put: fc.constantFrom("", "\r", "\n", "\0", " ", "\t", "\r\n", "\r\n\r\n", "0\r\n\r\n", ":", "\x80", "G"),
  }),
  { freq: 3 },
);

const LAST = "GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

const conversation = fc
  .record({
    messages: fc.array(message, { minLength: 1, maxLength: 3 }),
    torn: tear,
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
  })
  .map(({ messages, torn, cuts }) => {
    let bytes = messages.join("");
    if (torn !== null) {
      const at = Math.floor(torn.at * bytes.length);
      bytes = bytes.slice(0, at) + torn.put + bytes.slice(at + torn.out);
    }
    bytes += LAST;
    const places = cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((a, b) => a - b);
    return [0, ...places].map((place, index) => bytes.slice(place, places[index])).filter((part) => part !== "");
  })
  // Several spaces in a request line are repaired by Node's parser and refused by ours.
  .filter((parts) => !parts.join("").includes("  "));

interface Outcome {
  /** What the caller got, without what is new each time. */
  readonly got: string;
  readonly seen: readonly string[];
  readonly rubbish: readonly string[];
}

async function play(rig: ForwarderRig, parts: readonly string[]): Promise<Outcome> {
  const before = rig.recorder.requests.length;
  const socket = await connect({ port: rig.port });
  socket.setNoDelay(true);
  const closed = new Promise<string>((resolve) => {
    let text = "";
    socket
      .on("error", () => undefined)
      .on("data", (bytes: Buffer) => (text += bytes.toString("latin1")))
      .on("end", () => socket.end())
      .on("close", () => resolve(text));
  });
  for (const part of parts) {
    if (!socket.writable) break;
    socket.write(part, "latin1");
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  }
  const got = await closed;
  const seen = rig.recorder.requests.slice(before).map(({ line: first, headers, body: bytes, trailers }) => {
    const lines = [...headers].map(([name, values]) =>
      name === "x-request-id" && values[0] !== "1" ? name : `${name}: ${values.join(" | ")}`,
    );
    return `${first}\n${lines.join("\n")}\n${bytes}\n${trailers}`;
  });
  // A request of HTTP/1.0 may come without Host, and is given the application's own.
  const own = `127.0.0.1:${rig.recorder.port}`;
  return {
    got: withoutNews(got),
    seen: seen.map((text) => text.replace(own, "own")).toSorted(),
    rubbish: rig.recorder.rubbish,
  };
}

/** Hints are left out where it is not their response's turn yet, which is a matter of time. */
function withoutNews(text: string): string {
  return text
    .replaceAll(/HTTP\/1\.1 103 Early Hints\r\n(?:[^\r]+\r\n)*\r\n/g, "")
    .replaceAll(/^(date): \w{3}, .*$/gim, "$1")
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, "UUID");
}

const title = `seed ${SEED}, ${SECONDS} s: both readers make the same of the same bytes`;

test(title, { timeout: TIMEOUT_MS }, async () => {
  let played = 0;
  await fc.assert(
    fc.asyncProperty(conversation, async (parts) => {
      const [ours, nodes] = await Promise.all([play(direct, parts), play(node, parts)]);
      played += 1;
      assert.deepEqual(ours.got, nodes.got);
      assert.deepEqual([...ours.rubbish, ...nodes.rubbish], []);
      // Node's server takes pipelined requests before the responses in front of them, which may be the connection's last.
      const isCutShort = /HTTP\/1\.1 502 /.test(ours.got);
      const asMany = isCutShort ? nodes.seen.filter((one) => ours.seen.includes(one)) : nodes.seen;
      assert.deepEqual(ours.seen, asMany);
    }),
    {
      seed: SEED,
      numRuns: Number.MAX_SAFE_INTEGER,
      interruptAfterTimeLimit: SECONDS * 1_000,
      markInterruptAsFailure: false,
    },
  );
  assert.ok(played > 50, `${played} conversations`);
});
