/**
 * Requests of a grammar, with mutations, against what the application makes of them: it may only ever see messages that
 * the caller meant as such. Longer by hand: FUZZ_SECONDS=600; a failure names its seed for FUZZ_SEED.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connect } from "../support/caller/caller.ts";
import { Target } from "../support/caller/attack.ts";

const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 8);
const SEED = Number(process.env["FUZZ_SEED"] ?? 20_261_123);
const LANES = 8;
/** Conversations, and requests that the application has seen of them. */
const ENOUGH = 100;
const TARGETS = /\/[^ \r\n]*/g;
/** What was begun at the end has a minute. */
const TIMEOUT_MS = SECONDS * 1_000 + 60_000;

let target: Target;

before(async () => {
  target = await Target.start(["--request-idle-timeout=1s", "--header-timeout=1s"]);
});

after(() => target?.[Symbol.asyncDispose]());

/** mulberry32: small, seeded, good enough to spread. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"];
const FRAMINGS = ["content-length: 5", "transfer-encoding: chunked", "content-length: 0", ""];
const NOISE = [
  "Content-Length: 4",
  "content-length: 5",
  "Transfer-Encoding: chunked",
  "transfer-encoding: identity",
  "transfer-encoding:\tchunked",
  "Transfer_Encoding: chunked",
  "content-length : 3",
  "connection: close, content-length",
  "connection: transfer-encoding",
  "expect: 100-continue",
  "upgrade: h2c",
  "x: \tfolded",
  " folded",
  "host: b",
  "te: trailers",
  "trailer: x",
];
const TEARS = [
  "\r",
  "\n",
  "\0",
  " ",
  "\t",
  "\r\n",
  "\r\n\r\n",
  "0\r\n\r\n",
  ":",
  "\x80",
  "G",
  "GET /hidden HTTP/1.1\r\nhost: a\r\n\r\n",
];

/** One connection's bytes. Each message that is meant carries a mark of its own in its path. */
function conversation(next: () => number, mark: string): string {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)]!;
  let bytes = "";
  const count = 1 + Math.floor(next() * 3);
  for (let index = 0; index < count; index += 1) {
    const framing = pick(FRAMINGS);
    const body = framing.startsWith("transfer") ? "5\r\nhello\r\n0\r\n\r\n" : framing.endsWith("5") ? "hello" : "";
    const lines = ["host: a", framing, ...Array.from({ length: Math.floor(next() * 3) }, () => pick(NOISE))];
    const head = lines.filter((line) => line !== "").toSorted(() => next() - 0.5);
    bytes += `${pick(METHODS)} /${mark}-${index} HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n${body}`;
  }
  for (let tears = Math.floor(next() * 3); tears > 0; tears -= 1) {
    const at = Math.floor(next() * bytes.length);
    const kind = next();
    if (kind < 0.5) bytes = bytes.slice(0, at) + pick(TEARS) + bytes.slice(at);
    else if (kind < 0.8) bytes = bytes.slice(0, at) + bytes.slice(at + 1 + Math.floor(next() * 4));
    else bytes = bytes.slice(0, at) + bytes.slice(at + 1 + Math.floor(next() * 4)) + bytes.slice(at);
  }
  return bytes;
}

async function play(bytes: string): Promise<void> {
  const socket = await connect({ port: target.port });
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => socket.destroy(), 60);
    socket
      .on("error", () => undefined)
      .on("end", () => socket.end())
      .on("close", () => {
        clearTimeout(timer);
        resolve();
      })
      .resume()
      .write(bytes, "latin1");
  });
}

const title = `seed ${SEED}, ${SECONDS} s: whatever is sent, the application sees clean messages that were there to be seen`;

test(title, { timeout: TIMEOUT_MS }, async () => {
  /** As sent, and with runs of spaces as one: method and target may have been torn apart by them. */
  const sent = new Map<string, { readonly bytes: string; readonly spaced: string }>();
  const deadline = Date.now() + SECONDS * 1_000;
  let played = 0;
  const lane = async (index: number): Promise<void> => {
    // On a busy machine the time of a conversation is over before much of it is served.
    const more = (): boolean => Date.now() < deadline || played < ENOUGH || target.recorder.requests.length < ENOUGH;
    for (let round = 0; more(); round += 1) {
      const mark = `m${index}x${round}`;
      const bytes = conversation(random(SEED + index * 1_000_003 + round), mark);
      sent.set(mark, { bytes, spaced: bytes.replaceAll(/ +/g, " ") });
      await play(bytes);
      played += 1;
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)));
  assert.deepEqual(target.recorder.rubbish, []);
  const byTarget = Map.groupBy(
    [...sent.values()].flatMap((one) => (one.spaced.match(TARGETS) ?? []).map((path) => ({ path, one }))),
    ({ path }) => path,
  );
  for (const { line, headers, body } of target.recorder.requests) {
    const [method = "", path = ""] = line.split(" ");
    const wanted = `${method} ${path}`;
    const isMeant = (one: { readonly bytes: string; readonly spaced: string } | undefined): boolean =>
      one?.spaced.includes(wanted) === true && one.bytes.includes(body);
    const own = sent.get(/\/(m\d+x\d+)-/.exec(path)?.[1] ?? "");
    const told = (): string => `seed ${SEED}: ${line} ${JSON.stringify(body)} of ${JSON.stringify(own?.bytes)}`;
    // A mark may have been torn into that of another conversation: then that line stands in some other one.
    const others = (): boolean => byTarget.get(path)?.some(({ one }) => isMeant(one)) ?? false;
    if (!isMeant(own) && !others() && ![...sent.values()].some(isMeant)) assert.fail(`nobody meant it: ${told()}`);
    if (headers.get("host")?.length !== 1) assert.fail(`not one host: ${told()}`);
    for (const name of headers.keys()) {
      if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) assert.fail(`not a field name, ${name}: ${told()}`);
    }
  }
  await target.provesAlive();
});
