/** An application of HTTP/2 without TLS whose connections and streams a test holds in its hands. */
import { once } from "node:events";
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { DEFAULT_LIMITS, type Limits } from "../../../../src/config/config.ts";
import { Http2Upstream } from "../../../../src/proxy/http/upstream/http2-upstream.ts";

export class Http2Application implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly sessions = new Set<ServerHttp2Session>();
  /** Connections that were ever accepted. */
  connections = 0;
  mostConnections = 0;
  streams = 0;
  /** On one connection. */
  mostStreams = 0;
  /** Called with each stream. */
  onStream: (stream: ServerHttp2Stream, path: string, raw: readonly string[]) => void = answer;

  private constructor(server: Http2Server) {
    this.#server = server;
    const open = new Map<ServerHttp2Session, number>();
    server.on("session", (session) => {
      this.connections += 1;
      this.sessions.add(session);
      this.mostConnections = Math.max(this.mostConnections, this.sessions.size);
      session.on("error", () => undefined);
      session.once("close", () => this.sessions.delete(session));
    });
    server.on("stream", (stream, headers, _flags, raw: readonly string[]) => {
      const session = stream.session as ServerHttp2Session;
      this.streams += 1;
      open.set(session, (open.get(session) ?? 0) + 1);
      this.mostStreams = Math.max(this.mostStreams, open.get(session)!);
      stream.on("error", () => undefined);
      stream.once("close", () => open.set(session, open.get(session)! - 1));
      this.onStream(stream, headers[":path"] ?? "", raw);
    });
  }

  static async start(maxConcurrentStreams = 100): Promise<Http2Application> {
    const server = createServer({ settings: { maxConcurrentStreams } });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Http2Application(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  upstream(limits: Partial<Limits> = {}): Http2Upstream {
    return new Http2Upstream({ host: "127.0.0.1", port: this.port }, { ...DEFAULT_LIMITS, ...limits });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** 200 with what was sent, or with "ok". */
export function answer(stream: ServerHttp2Stream): void {
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.once("end", () => {
    stream.respond({ ":status": 200 });
    stream.end(chunks.length === 0 ? "ok" : Buffer.concat(chunks));
  });
}

/** A body that has come in these parts, or comes when the test pushes more. */
export function bodyOf(
  parts: readonly string[],
  trailers?: readonly string[],
): Readable & { trailers?: readonly string[] } {
  const body = new Readable({ read: () => undefined });
  for (const part of parts) body.push(part);
  return trailers === undefined ? body : Object.assign(body, { trailers });
}

/** All of a body. */
export function wholeBody(parts: readonly string[], trailers?: readonly string[]): ReturnType<typeof bodyOf> {
  const body = bodyOf(parts, trailers);
  body.push(null);
  return body;
}
