/** A record says what the caller got, over both versions of HTTP, in front of applications of both. */
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  createServer as createHttp2Server,
  constants,
  type ClientHttp2Stream,
  type ServerHttp2Stream,
} from "node:http2";
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { after, before, test } from "node:test";
import { startTcpApplication, type TestApplication } from "../../../support/application/application.ts";
import { Http2Caller } from "../../../support/caller/http2-caller.ts";
import { backend, policy, range } from "../../../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../../../support/process/sidecar.ts";

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

const APPLICATIONS = { "HTTP/1.1": 80, "HTTP/2": 81 } as const;
/** More than sockets and windows hold. */
const LARGE = 64 * 1024 * 1024;

let http1: TestApplication;
/** With room for what is not taken of a large response. */
const http2 = createHttp2Server({ maxSessionMemory: 1_000 });
let sidecar: TestSidecar;

before(async () => {
  http1 = await startTcpApplication(serveHttp1);
  http2.on("stream", (stream, headers) => serveHttp2(stream, headers[":path"] ?? "", headers[":method"] ?? ""));
  http2.on("session", (session) => session.on("error", () => undefined));
  http2.listen(0, "127.0.0.1");
  await once(http2, "listening");
  const ports = Object.values(APPLICATIONS);
  sidecar = await startSidecar({
    manifests: ports.map((port) => policy([backend("foo", port, "http")], [range("127.0.0.0/8")], `test/ib-${port}`)),
    backends: [
      { port: 80, app: http1.port },
      { port: 81, app: (http2.address() as AddressInfo).port, forward: "h2c" },
    ],
    flags: ["--access-log=true"],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await http1?.[Symbol.asyncDispose]();
  http2.close();
});

/** /STATUS answers without a body, /whole and /large with one; /none cuts before, /half after the head; /hold never answers. */
function serveHttp1(socket: Socket): void {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    const head = /^(\w+) ((\/[^ /]*)[^ ]*) [^]*?\r\n\r\n/.exec(text);
    if (head === null) return;
    text = "";
    const [, method, target = "", path = ""] = head;
    arrivals.get(target)?.resolve();
    const status = Number(path.slice(1));
    if (status > 0) socket.write(`HTTP/1.1 ${status} x\r\n${status === 205 ? "content-length: 0\r\n" : ""}\r\n`);
    else if (path === "/none") socket.resetAndDestroy();
    else if (path === "/half") {
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf", () => setTimeout(() => socket.destroy(), 20));
    } else if (path === "/large")
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${LARGE}\r\n\r\n${"x".repeat(LARGE)}`);
    else if (path === "/early") socket.write("HTTP/1.1 413 x\r\ncontent-length: 5\r\n\r\nwhole");
    else if (path === "/whole")
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n${method === "HEAD" ? "" : "whole"}`);
  });
}

function serveHttp2(stream: ServerHttp2Stream, target: string, method: string): void {
  stream.on("error", () => undefined);
  arrivals.get(target)?.resolve();
  const path = /^\/[^/]*/.exec(target)![0];
  const status = Number(path.slice(1));
  if (status > 0) stream.respond({ ":status": status }, { endStream: true });
  else if (path === "/none") stream.close(NGHTTP2_INTERNAL_ERROR);
  else if (path === "/half") {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.write("half");
    setTimeout(() => stream.close(target.endsWith("no-error") ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR), 20);
  } else if (path === "/large") {
    stream.respond({ ":status": 200 });
    stream.end(Buffer.alloc(LARGE));
  } else if (path === "/early") {
    stream.respond({ ":status": 413 });
    stream.end("whole");
  } else if (path === "/whole") {
    stream.respond({ ":status": 200, "content-length": 5 }, { endStream: method === "HEAD" });
    if (method !== "HEAD") stream.end("whole");
  }
}

interface Got {
  /** Zero: no head. */
  readonly status: number;
  readonly whole: boolean;
}

interface Ask {
  readonly port: number;
  readonly path: string;
  readonly method: string;
  /** A body that does not end. */
  readonly uploads: boolean;
  /** When the caller gives up. */
  readonly leave: "never" | "before" | "after";
  /** How it does, over HTTP/2. */
  readonly code: number;
}

async function askHttp1({ port, path, method, uploads, leave }: Ask): Promise<Got> {
  const outgoing: ClientRequest = request({
    host: "127.0.0.1",
    port: sidecar.port(port),
    path,
    method,
    agent: false,
    ...(uploads && { headers: { "content-length": 1_000_000 } }),
  });
  let status = 0;
  let whole = false;
  outgoing.on("error", () => undefined);
  if (uploads) outgoing.write("part");
  else outgoing.end();
  outgoing.on("response", (incoming: IncomingMessage) => {
    status = incoming.statusCode!;
    incoming.on("error", () => undefined).on("end", () => (whole = incoming.complete));
    if (leave === "after") incoming.once("data", () => outgoing.socket?.resetAndDestroy());
    else incoming.resume();
  });
  if (leave === "before") await reached(path, () => outgoing.socket?.resetAndDestroy());
  await closed(outgoing);
  return { status, whole };
}

async function askHttp2({ port, path, method, uploads, leave, code }: Ask): Promise<Got> {
  const caller = await Http2Caller.connect(sidecar.port(port));
  const stream = caller.open({ ":method": method, ":path": path }, !uploads);
  let status = 0;
  let whole = false;
  stream.on("error", () => undefined).on("response", (headers) => (status = headers[":status"]!));
  if (uploads) stream.write("part");
  stream.on("end", () => {
    whole = stream.rstCode === 0;
    // As clients do that have their answer, and are in the midst of an upload.
    if (uploads) stream.close(NGHTTP2_CANCEL);
  });
  if (leave === "after") stream.once("data", () => stream.close(code));
  else stream.resume();
  const over = closed(stream);
  if (leave === "before") await reached(path, () => stream.close(code));
  await over;
  caller.session.destroy();
  return { status, whole };
}

/** With an error or without. */
function closed(emitter: ClientRequest | ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => emitter.once("close", resolve));
}

/** Waits until an application has the request. */
async function reached(path: string, then: () => void): Promise<void> {
  await arrivals.get(path)!.promise;
  then();
}

const arrivals = new Map<string, PromiseWithResolvers<void>>();

interface Row {
  readonly what: string;
  readonly path: string;
  readonly method?: string;
  readonly uploads?: boolean;
  readonly leave?: Ask["leave"];
  readonly code?: number;
  readonly got: number;
  readonly reason?: string;
  /** Of one application's protocol alone. */
  readonly application?: keyof typeof APPLICATIONS;
  readonly caller?: "HTTP/1.1" | "HTTP/2";
}

const ROWS: readonly Row[] = [
  { what: "a whole response", path: "/whole", got: 200 },
  { what: "204", path: "/204", got: 204 },
  { what: "205", path: "/205", got: 205 },
  { what: "304", path: "/304", got: 304 },
  { what: "a response to HEAD", path: "/whole", method: "HEAD", got: 200 },
  { what: "a large response", path: "/large", got: 200 },
  { what: "an early response", path: "/early", method: "POST", uploads: true, got: 413 },
  { what: "an application that breaks off before its head", path: "/none", got: 502, reason: "upstream-reset" },
  { what: "an application that breaks off after its head", path: "/half", got: 200, reason: "upstream-reset" },
  {
    what: "an application that breaks off after its head without an error",
    path: "/half",
    application: "HTTP/2",
    got: 200,
    reason: "upstream-reset",
  },
  { what: "a caller that resets before the head", path: "/hold", leave: "before", got: 0, reason: "request-cancelled" },
  {
    what: "a caller that resets after the head",
    path: "/large",
    leave: "after",
    got: 200,
    reason: "request-cancelled",
  },
  {
    what: "a caller that resets after the head without an error",
    path: "/large",
    leave: "after",
    code: NGHTTP2_NO_ERROR,
    caller: "HTTP/2",
    got: 200,
    reason: "request-cancelled",
  },
];

let count = 0;
for (const row of ROWS)
  for (const caller of ["HTTP/1.1", "HTTP/2"] as const)
    for (const [application, port] of Object.entries(APPLICATIONS)) {
      if ((row.caller ?? caller) !== caller || (row.application ?? application) !== application) continue;

      test(`${row.what}: ${caller} to an application of ${application}`, async () => {
        count += 1;
        const suffix = row.what.endsWith("without an error") ? "/no-error" : "";
        const path = `${row.path}/${count}${suffix}`;
        arrivals.set(path, Promise.withResolvers());
        const { method = "GET", uploads = false, leave = "never", code = NGHTTP2_CANCEL } = row;
        const got = await (caller === "HTTP/2" ? askHttp2 : askHttp1)({ port, path, method, uploads, leave, code });
        const record = await sidecar.log.next({ event: "request", path }, { timeoutMs: 3000 });
        assert.deepEqual([record["status"], record["reason"]], [row.got, row.reason]);
        assert.equal(got.status, row.got);
        if (leave === "never") assert.equal(got.whole, row.reason === undefined || row.got === 502);
      });
    }
