/** For each bounded callback, what a caller or an application does to have it called. */
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { connect as connectTcp, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { PORT, type ThrowingPlane } from "../../support/thread/throwing-plane.ts";

export interface Provocation {
  readonly callback: string;
  readonly provoke: (victim: Victim) => void | Promise<void>;
  /** A connection that has to be there before: the callback is called for every one in turn, the neighbours' first. */
  readonly open?: (victim: Victim) => void;
  /** It is called for everything there is in turn, the neighbours' included: the victim is the first that was not seen before. */
  readonly fresh?: boolean;
  /** All is over when it is called: the fault ends nothing, and there is nothing to report. */
  readonly late?: boolean;
  /** It had lost its right before the fault: that is what its record says. */
  readonly revoked?: boolean;
  /** Has to throw first for this one to be called. */
  readonly after?: string;
}

/** Opens what a row needs, and closes it when the row is over. */
export class Victim implements Disposable {
  readonly plane: ThrowingPlane;
  readonly #open: { destroy(): unknown }[] = [];

  constructor(plane: ThrowingPlane) {
    this.plane = plane;
  }

  /** A plain connection; what comes is read and forgotten. */
  tcp(backend: number, text = "", from = "127.0.0.1"): Socket {
    const socket = connectTcp({
      host: "127.0.0.1",
      port: this.plane.port(backend),
      localAddress: from,
      allowHalfOpen: true,
    });
    this.own(socket).resume();
    if (text !== "") socket.write(text, "latin1");
    return socket;
  }

  http(head: string, body = "", backend: number = PORT.http, from = "127.0.0.1"): Socket {
    return this.tcp(backend, `${head} HTTP/1.1\r\nhost: a\r\n\r\n${body}`, from);
  }

  /** HTTP/1.0, which Node's server reads. */
  oldHttp(head: string, line = "x: y", body = ""): Socket {
    return this.tcp(PORT.http, `${head} HTTP/1.0\r\n${line}\r\n\r\n${body}`);
  }

  post(path: string, backend: number = PORT.http): Socket {
    return this.tcp(backend, `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody`);
  }

  webSocket(path: string, backend: number = PORT.http): Socket {
    return this.tcp(
      backend,
      `GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n` +
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
  }

  async tls(options: { readonly servername?: string; readonly certificate?: boolean } = {}): Promise<Socket> {
    const { ca, pair } = await this.plane.mesh.caller();
    const socket = connectTls({
      host: "127.0.0.1",
      port: this.plane.port(PORT.tls),
      ca,
      checkServerIdentity: () => undefined,
      ...(options.certificate !== false && { cert: pair.certPem, key: pair.keyPem }),
      ...(options.servername !== undefined && { servername: options.servername }),
    });
    return this.own(socket).resume();
  }

  http2(from = "127.0.0.1"): ClientHttp2Session {
    const session = connectHttp2("http://127.0.0.1", { createConnection: () => this.tcp(PORT.http, "", from).pause() });
    this.own(session);
    return session;
  }

  stream(headers: Record<string, string>, end = true, from = "127.0.0.1"): ReturnType<ClientHttp2Session["request"]> {
    const stream = this.http2(from).request({ ":authority": "a", ...headers }, { endStream: end });
    stream.on("error", () => undefined).resume();
    return stream;
  }

  /** A WebSocket by extended CONNECT, once the caller knows that it may ask for one. */
  async streamedWebSocket(path: string): Promise<ReturnType<ClientHttp2Session["request"]>> {
    const session = this.http2();
    await new Promise<void>((resolve) => session.once("remoteSettings", () => resolve()));
    const stream = session.request({
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": "http",
      ":authority": "a",
      ":path": path,
      "sec-websocket-version": "13",
    });
    stream.on("error", () => undefined).resume();
    await new Promise<void>((resolve) => {
      stream.once("response", () => resolve());
      stream.once("close", () => resolve());
    });
    return stream;
  }

  own<Owned extends { destroy(): unknown; on(event: "error", listener: () => void): unknown }>(owned: Owned): Owned {
    owned.on("error", () => undefined);
    this.#open.push(owned);
    return owned;
  }

  [Symbol.dispose](): void {
    // Half a connection would still be served.
    for (const open of this.#open)
      if (open instanceof Socket && !open.destroyed) open.resetAndDestroy();
      else open.destroy();
  }
}

/** Text frames of a caller, masked with zeros: "hi", and the closing one. */
const FRAME = "\x81\x82\0\0\0\0hi";
const OTHER = "127.0.0.2";
const BULK = Buffer.alloc(8 * 1024 * 1024);

/** The right of a victim from another address than everybody else's ends. */
const revoke = (victim: Victim): Promise<void> => victim.plane.admitOnly("127.0.0.1/32");

export const CONNECTIONS: readonly Provocation[] = [
  { callback: "thread accept", provoke: (victim) => void victim.http("GET /") },
  { callback: "thread sweep", provoke: () => undefined },
  { callback: "connection error", provoke: (victim) => resetAfterConnect(victim.http("GET /hold")) },
  { callback: "connection conclude", provoke: (victim) => void victim.tcp(PORT.http, "x").end() },
  { callback: "connection serve", provoke: (victim) => void victim.http("GET /") },
  {
    callback: "connection judgement",
    fresh: true,
    open: (victim) => void victim.http("GET /hold"),
    provoke: revoke,
  },
  {
    callback: "connection revocation",
    revoked: true,
    open: (victim) => void victim.http("GET /hold", "", PORT.http, OTHER),
    provoke: revoke,
  },
  { callback: "handshake secured", provoke: (victim) => void victim.tls() },
  { callback: "handshake server-name", provoke: (victim) => void victim.tls({ servername: "foo.test" }) },
  { callback: "handshake error", provoke: (victim) => void victim.tls({ certificate: false }) },
  { callback: "handshake end", provoke: (victim) => void victim.tcp(PORT.tls, "\x16\x03\x01").end() },
  {
    callback: "handshake close",
    late: true,
    provoke: (victim) =>
      void victim.tcp(PORT.tls, "\x16\x03\x01").once("connect", function (this: Socket) {
        setTimeout(() => this.destroy(), 50);
      }),
  },
  { callback: "sniffing readable", provoke: (victim) => void victim.http("GET /") },
  { callback: "sniffing end", provoke: (victim) => void victim.tcp(PORT.http).end() },
  { callback: "sniffing close", provoke: (victim) => resetAfterConnect(victim.tcp(PORT.http)) },
  { callback: "sniffing timeout", provoke: (victim) => void victim.tcp(PORT.http) },
];

export const STREAMS: readonly Provocation[] = [
  { callback: "relay upstream-connect", provoke: (victim) => void victim.tcp(PORT.stream, "x") },
  { callback: "relay upstream-data", provoke: (victim) => void victim.tcp(PORT.stream, "x") },
  { callback: "relay upstream-error", provoke: (victim) => void victim.tcp(PORT.stream, "R") },
  { callback: "relay upstream-end", provoke: (victim) => void victim.tcp(PORT.stream, "x").end() },
  { callback: "relay upstream-drain", provoke: (victim) => void victim.tcp(PORT.stream, "S").write(BULK) },
  { callback: "relay connect-timeout", provoke: (victim) => void victim.tcp(PORT.streamNowhere, "x") },
  { callback: "relay downstream-data", provoke: (victim) => void victim.tcp(PORT.stream, "x") },
  { callback: "relay downstream-end", provoke: (victim) => void victim.tcp(PORT.stream, "x").end() },
  { callback: "relay downstream-drain", provoke: (victim) => readLate(victim.tcp(PORT.stream, "B")) },
  { callback: "relay downstream-close", provoke: (victim) => void victim.tcp(PORT.stream, "x").end() },
  { callback: "relay limits", fresh: true, provoke: (victim) => void victim.tcp(PORT.stream, "x") },
];

export const HTTP1: readonly Provocation[] = [
  { callback: "http close", provoke: (victim) => void victim.http("GET /").end() },
  { callback: "http limits", fresh: true, provoke: (victim) => void victim.http("GET /hold") },
  { callback: "http1 direct-data", provoke: (victim) => void victim.http("GET /") },
  { callback: "http1 direct-head", provoke: (victim) => void victim.http("GET /later") },
  { callback: "http1 direct-uncork", provoke: (victim) => void victim.http("GET /bulk") },
  { callback: "http1 direct-out", provoke: (victim) => void victim.http("GET /") },
  { callback: "http1 direct-drain", provoke: (victim) => readLate(victim.http("GET /bulk")) },
  { callback: "http1 direct-end", provoke: (victim) => void victim.http("GET /hold").end() },
  {
    callback: "http1 linger-timeout",
    provoke: (victim) => void victim.tcp(PORT.http, "POST /early HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\npart"),
  },
  { callback: "http1 request", provoke: (victim) => void victim.oldHttp("GET /") },
  { callback: "http1 caller-end", provoke: (victim) => void victim.oldHttp("GET /hold").end() },
  { callback: "http1 upgrade", provoke: (victim) => void victim.webSocket("/chat") },
  { callback: "http1 connect", provoke: (victim) => void victim.http("CONNECT a:1") },
  { callback: "http1 client-error", provoke: (victim) => void victim.tcp(PORT.http, "no request\r\n\r\n") },
  { callback: "http1 response-close", provoke: (victim) => void victim.oldHttp("GET /") },
  { callback: "http1 response-head", provoke: (victim) => void victim.oldHttp("GET /later") },
  {
    callback: "http1 grace-timeout",
    revoked: true,
    open: (victim) => void victim.http("GET /hold", "", PORT.http, OTHER),
    provoke: revoke,
  },
  { callback: "body data", provoke: (victim) => void victim.oldHttp("POST /", "content-length: 4", "body") },
  { callback: "body end", provoke: (victim) => void victim.oldHttp("POST /", "content-length: 4", "body") },
  { callback: "body close", provoke: (victim) => void victim.oldHttp("POST /", "content-length: 4", "body") },
  { callback: "exchange start", provoke: (victim) => void victim.http("GET /") },
  { callback: "exchange request-start", provoke: (victim) => void victim.http("GET /") },
  { callback: "exchange response-start", provoke: (victim) => void victim.http("GET /") },
  { callback: "exchange response-data", provoke: (victim) => void victim.http("GET /later") },
  { callback: "exchange response-end", provoke: (victim) => void victim.http("GET /later") },
  { callback: "exchange response-error", provoke: (victim) => void victim.http("GET /reset") },
  { callback: "exchange writable", provoke: (victim) => readLate(victim.http("GET /bulk")) },
  { callback: "exchange switch", provoke: (victim) => void victim.webSocket("/chat") },
  { callback: "exchange fault", after: "exchange response-data", provoke: (victim) => void victim.http("GET /later") },
];

/** The client towards HTTP/1.1 applications. */
export const HTTP1_UPSTREAM: readonly Provocation[] = [
  { callback: "http1-upstream send", provoke: (victim) => void victim.http("GET /") },
  {
    callback: "http1-upstream connect",
    provoke: holdMany,
  },
  { callback: "http1-upstream connect-timeout", provoke: (victim) => void victim.http("GET /", "", PORT.httpNowhere) },
  { callback: "http1-upstream data", provoke: (victim) => void victim.http("GET /") },
  { callback: "http1-upstream end", provoke: (victim) => void victim.http("GET /leave") },
  { callback: "http1-upstream error", provoke: (victim) => void victim.http("GET /reset") },
  { callback: "http1-upstream lost", provoke: (victim) => void victim.post("/reset") },
  { callback: "http1-upstream close", late: true, provoke: (victim) => void victim.http("GET /reset") },
  { callback: "http1-upstream rested", late: true, provoke: (victim) => void victim.http("GET /") },
  { callback: "http1-upstream limits", fresh: true, provoke: holdMany },
  { callback: "http1-upstream request-head", provoke: (victim) => void victim.post("/") },
  { callback: "http1-upstream body-data", provoke: (victim) => void victim.post("/") },
  { callback: "http1-upstream body-end", provoke: (victim) => void victim.post("/") },
  { callback: "http1-upstream body-close", provoke: (victim) => void victim.post("/hold") },
  { callback: "http1-upstream uncork", provoke: (victim) => void victim.post("/") },
  {
    callback: "http1-upstream drain",
    provoke: (victim) =>
      void victim.tcp(PORT.http, `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${BULK.length}\r\n\r\n`).write(BULK),
  },
];

export const HTTP2: readonly Provocation[] = [
  { callback: "http2 stream", provoke: (victim) => void victim.stream({ ":path": "/" }) },
  { callback: "http2 response-close", provoke: (victim) => void victim.stream({ ":path": "/" }) },
  { callback: "http2 trailers", provoke: (victim) => void victim.stream({ ":path": "/trailers" }) },
  {
    callback: "http2 stop-reading",
    provoke: (victim) => void victim.stream({ ":path": "/early", ":method": "POST" }, false).write("part"),
  },
  {
    callback: "http2 session-error",
    // A DATA frame on stream 0 is a connection error (RFC 9113 section 6.1).
    provoke: (victim) =>
      void victim.tcp(PORT.http, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\0\0\0\0\0\0x"),
  },
  {
    callback: "http2 grace-timeout",
    revoked: true,
    open: (victim) => void victim.stream({ ":path": "/hold" }, true, OTHER),
    provoke: revoke,
  },
  // A session without a request is ended after the time for a first head.
  { callback: "http2 last-goaway", provoke: (victim) => void victim.http2() },
];

/** The client towards HTTP/2 applications. */
export const HTTP2_UPSTREAM: readonly Provocation[] = [
  { callback: "h2c connect-timeout", provoke: (victim) => void victim.http("GET /", "", PORT.h2cNowhere) },
  { callback: "h2c settings", provoke: (victim) => void victim.http("GET /", "", PORT.h2c) },
  { callback: "h2c goaway", provoke: (victim) => void victim.http("GET /goodbye", "", PORT.h2c) },
  { callback: "h2c session-error", late: true, provoke: (victim) => void victim.http("GET /reset", "", PORT.h2c) },
  { callback: "h2c session-close", late: true, provoke: (victim) => void victim.http("GET /reset", "", PORT.h2c) },
  { callback: "h2c limits", provoke: (victim) => void victim.http("GET /hold", "", PORT.h2c) },
  { callback: "h2c send", provoke: (victim) => void victim.http("GET /", "", PORT.h2c) },
  { callback: "h2c headers", provoke: (victim) => void victim.http("GET /", "", PORT.h2c) },
  { callback: "h2c response", provoke: (victim) => void victim.http("GET /", "", PORT.h2c) },
  { callback: "h2c data", provoke: (victim) => void victim.http("GET /", "", PORT.h2c) },
  { callback: "h2c trailers", provoke: (victim) => void victim.http("GET /trailers", "", PORT.h2c) },
  { callback: "h2c end", provoke: (victim) => void victim.http("GET /", "", PORT.h2c) },
  { callback: "h2c close", late: true, provoke: (victim) => void victim.http("GET /", "", PORT.h2c) },
  { callback: "h2c body-data", provoke: (victim) => void victim.post("/", PORT.h2c) },
  { callback: "h2c body-end", provoke: (victim) => void victim.post("/", PORT.h2c) },
  { callback: "h2c body-close", provoke: (victim) => void victim.post("/late", PORT.h2c) },
  { callback: "h2c request-trailers", provoke: (victim) => void victim.post("/late", PORT.h2c) },
  {
    callback: "h2c drain",
    provoke: (victim) =>
      void victim.tcp(PORT.h2c, `POST /late HTTP/1.1\r\nhost: a\r\ncontent-length: ${BULK.length}\r\n\r\n`).write(BULK),
  },
];

export const WEBSOCKETS: readonly Provocation[] = [
  { callback: "upgrade switch", provoke: (victim) => void victim.webSocket("/chat") },
  { callback: "upgrade response", provoke: (victim) => void victim.webSocket("/refuse") },
  { callback: "upgrade data", provoke: (victim) => void victim.webSocket("/refuse") },
  { callback: "upgrade end", provoke: (victim) => void victim.webSocket("/refuse") },
  { callback: "upgrade connect-timeout", provoke: (victim) => void victim.webSocket("/chat", PORT.httpNowhere) },
  {
    callback: "tunnel downstream-close",
    provoke: (victim) =>
      void victim.webSocket("/chat").once("data", function (this: Socket) {
        this.destroy();
      }),
  },
  {
    callback: "tunnel upstream-close",
    provoke: (victim) =>
      void victim.webSocket("/leave").once("data", function (this: Socket) {
        this.write("\x88\x82\0\0\0\0\x03\xe8", "latin1");
      }),
  },
  {
    callback: "stream-socket data",
    provoke: async (victim) => void (await victim.streamedWebSocket("/chat")).write(FRAME, "latin1"),
  },
  { callback: "stream-socket end", provoke: async (victim) => void (await victim.streamedWebSocket("/chat")).end() },
  { callback: "stream-socket close", provoke: async (victim) => (await victim.streamedWebSocket("/chat")).close() },
];

/** On a plane whose limits are short: a connection is old soon, and no application has long to answer. */
export const HASTY: readonly Provocation[] = [
  { callback: "http1 crossing-timeout", provoke: (victim) => void victim.http("GET /") },
  { callback: "upgrade response-timeout", provoke: (victim) => void victim.webSocket("/hold") },
];

/** What no test provokes, and why. */
export const UNPROVOKED: Readonly<Record<string, string>> = {
  "thread slices": "the rest of a judging: what it calls for one connection is connection judgement, which has a row",
  "thread expiry": "one certificate's end at its moment: what it calls is called by thread sweep too, which has a row",
  "http1 response": "Node's report that its response was misused: no input that leads to it is known",
  "relay upstream-timeout": "an application that takes nothing for five minutes after both sides have ended",
  "tunnel idle": "a WebSocket without a byte for as long as a stream may be idle: the neighbours' stream ends too",
  "tunnel last-bytes": "a caller or an application that takes nothing for five minutes after the other has closed",
  "thread close": "the end of a thread that is lost already: its neighbours end with it",
  "http1-upstream write-error": "a write that fails before the reading side has said why: a matter of one turn",
  "connection drain": "the drain test below: it ends the neighbours too",
};

function resetAfterConnect(socket: Socket): void {
  socket.once("connect", () => setTimeout(() => socket.resetAndDestroy(), 50));
}

/** More than there are kept connections to the application. */
function holdMany(victim: Victim): void {
  for (let turn = 0; turn < 16; turn += 1) victim.http("GET /hold");
}

function readLate(socket: Socket): void {
  socket.pause();
  setTimeout(() => socket.resume(), 300);
}
