import assert from "node:assert/strict";
import { once } from "node:events";
import type { ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { after, before, test } from "node:test";
import { connect, readToEnd } from "../../support/caller/caller.ts";
import { Http2Caller } from "../../support/caller/http2-caller.ts";
import { boundedCallbacks } from "../../support/thread/planted-throws.ts";
import { tick } from "../../support/application/provoking.ts";
import { PORT, ThrowingPlane } from "../../support/thread/throwing-plane.ts";
import {
  CONNECTIONS,
  HASTY,
  HTTP1,
  HTTP1_UPSTREAM,
  HTTP2,
  HTTP2_UPSTREAM,
  STREAMS,
  UNPROVOKED,
  Victim,
  WEBSOCKETS,
  type Provocation,
} from "./provocations.ts";

const ROWS = [...CONNECTIONS, ...STREAMS, ...HTTP1, ...HTTP1_UPSTREAM, ...HTTP2, ...HTTP2_UPSTREAM, ...WEBSOCKETS];

/** Connections that stay. */
const NEIGHBOURS = 3;

/** Responses in progress on the thread, of every kind: one over HTTP/1.1, one over HTTP/2 with TLS, one byte stream. */
class Neighbours implements AsyncDisposable {
  readonly #http1: Socket;
  readonly #stream: Socket;
  readonly #http2: ClientHttp2Stream;
  readonly #caller: Http2Caller;

  private constructor(http1: Socket, stream: Socket, http2: ClientHttp2Stream, caller: Http2Caller) {
    this.#http1 = http1;
    this.#stream = stream;
    this.#http2 = http2;
    this.#caller = caller;
  }

  static async open(plane: ThrowingPlane): Promise<Neighbours> {
    const http1 = await connect({ port: plane.port(PORT.http) });
    http1.write("GET /neighbour HTTP/1.1\r\nhost: a\r\n\r\n");
    const stream = await connect({ port: plane.port(PORT.stream) });
    stream.write("first\n");
    const caller = await Http2Caller.connect(plane.port(PORT.tls), await plane.mesh.caller());
    const http2 = caller.open({ ":path": "/neighbour" }, true);
    // The drain at the end cuts them.
    for (const neighbour of [http1, stream, http2]) neighbour.on("error", () => undefined);
    await Promise.all([arrives(http1, "first\n"), arrives(stream, "first\n"), arrives(http2, "first\n")]);
    return new Neighbours(http1, stream, http2, caller);
  }

  /** The same responses and the same stream go on. */
  async goOn(line: string): Promise<void> {
    const all = Promise.all([this.#http1, this.#stream, this.#http2].map((one) => arrives(one, line)));
    tick(line);
    this.#stream.write(line);
    await all;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http1.destroy();
    this.#stream.destroy();
    await this.#caller[Symbol.asyncDispose]();
  }
}

async function arrives(from: Socket | ClientHttp2Stream, line: string): Promise<void> {
  let text = "";
  while (!text.includes(line)) {
    const [chunk] = (await once(from, "data", { signal: AbortSignal.timeout(5_000) })) as [Buffer];
    text += chunk.toString("latin1");
  }
}

/** A record or a problem report that names the fault, of those that came after the first `from` of each. */
function isReported(
  { lines, problems }: ThrowingPlane,
  { callback, revoked }: Provocation,
  from: readonly [number, number],
): boolean {
  const expected = revoked === true ? "revoked" : "internal-error";
  const recorded = lines
    .slice(from[0])
    .some((line) => line[line["event"] === "request" ? "reason" : "end"] === expected);
  return recorded || problems.slice(from[1]).some((problem) => problem.startsWith(`${callback}: `));
}

async function throwIn(plane: ThrowingPlane, row: Provocation, neighbours: Neighbours): Promise<void> {
  using victim = new Victim(plane);
  const from = [plane.lines.length, plane.problems.length] as const;
  if (row.open !== undefined) {
    await plane.connected(NEIGHBOURS);
    row.open(victim);
    await plane.connected(NEIGHBOURS + 1);
  }
  if (row.after !== undefined) await plane.arm(row.after);
  await plane.arm(row.callback, row.fresh);
  await row.provoke(victim);
  await plane.thrown(row.callback);
  await neighbours.goOn(`beside ${row.callback}\n`);
  victim[Symbol.dispose]();
  if (row.late !== true) await plane.until(() => isReported(plane, row, from), `reported: ${row.callback}`);
  assert.deepEqual(plane.lost, []);
  await plane.admitOnly("127.0.0.0/8");
}

test("every bounded callback is made to throw by a row, or it is said why not", () => {
  const rows = [...ROWS, ...HASTY].map(({ callback }) => callback);
  assert.deepEqual([...rows, ...Object.keys(UNPROVOKED)].sort(), boundedCallbacks());
});

let plane: ThrowingPlane;
let neighbours: Neighbours;

before(async () => {
  plane = await ThrowingPlane.start();
  neighbours = await Neighbours.open(plane);
});

after(async () => {
  await neighbours?.[Symbol.asyncDispose]();
  await plane?.[Symbol.asyncDispose]();
});

for (const row of ROWS) {
  test(`a throw in "${row.callback}" ends what it belongs to, with a report, and nothing beside it`, () =>
    throwIn(plane, row, neighbours));
}

for (const row of HASTY) {
  test(`a throw in "${row.callback}" ends what it belongs to, with a report, and nothing beside it`, async () => {
    await using hasty = await ThrowingPlane.start({
      lifetimeMs: 1_500,
      responseIdleTimeoutMs: 500,
      revokeGraceMs: 5_000,
    });
    using victim = new Victim(hasty);
    await hasty.arm(row.callback);
    await row.provoke(victim);
    // Its response is under way when the fault comes; nothing lives long here.
    const neighbour = await connect({ port: hasty.port(PORT.http) });
    neighbour.write("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
    const whole = readToEnd(neighbour);
    await hasty.thrown(row.callback);
    assert.match((await whole).text, /^HTTP\/1\.1 200 [^]*\r\n0\r\n\r\n$/);
    await hasty.until(() => isReported(hasty, row, [0, 0]), `reported: ${row.callback}`);
    assert.deepEqual(hasty.lost, []);
  });
}

test("a throw while a connection is told of the drain ends that one, and the others finish", async () => {
  const { length } = plane.lines;
  await plane.arm("connection drain");
  const drained = plane.plane.drain({ deadlineMs: 2_000 });
  await plane.thrown("connection drain");
  assert.equal((await drained).cut, 2);
  assert.deepEqual(plane.lost, []);
  const ends = plane.lines.slice(length).flatMap((line) => (line["event"] === "connection" ? [line["end"]] : []));
  assert.equal(ends.filter((end) => end === "internal-error").length, 1);
});
