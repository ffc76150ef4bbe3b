/** A caller in one of the namespaces, as a process of its own: the parent says over IPC what to ask, and hears how it went. */
import { once } from "node:events";
import { request as httpRequest, Agent as HttpAgent, type IncomingMessage } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as httpsRequest, Agent as HttpsAgent } from "node:https";
import { WebSocket } from "ws";

export interface Ask {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Over HTTP/2; TLS offers it alone then. */
  readonly http2?: boolean;
  /** Trusted CA, PEM, and the name that the certificate must carry and that is asked for; needed for https. */
  readonly ca?: string;
  readonly servername?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Told {
  readonly status: number;
  readonly httpVersion: string;
  readonly headers: Readonly<Record<string, unknown>>;
  /** The first part of it. */
  readonly body: string;
  readonly bytes: number;
}

export interface LoadReport {
  readonly sent: number;
  readonly succeeded: number;
  /** What else came, by status or error code, with counts. */
  readonly failures: Readonly<Record<string, number>>;
  /** Requests that were sent again, because the gateway had just closed the kept connection that they went out on. */
  readonly repeated: number;
  readonly slowestMs: number;
}

export interface Calls {
  ask(ask: Ask): Promise<Told | { readonly error: string }>;
  /** Sends a text and returns what came back. */
  echo(ask: Ask, text: string): Promise<string>;
  /** Opens a stream that never ends by itself; resolves with its status once it flows. */
  hold(ask: Ask): Promise<number>;
  /** Resolves when the held stream is over: with what ended it and after how many milliseconds since the call. */
  held(): Promise<{ readonly end: string; readonly afterMs: number }>;
  startLoad(ask: Ask, perSecond: number): Promise<void>;
  stopLoad(): Promise<LoadReport>;
}

const KEPT_BODY = 128 * 1024;
const DEADLINE_MS = 15_000;

function secrets({ ca, cert, key, servername }: Ask): object {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert, key }),
    ...(servername !== undefined && { servername }),
  };
}

/** A kept connection was gone when it was used again: every HTTP client asks once more (RFC 9112 9.3.1). */
class LostConnection extends Error {}

function open(ask: Ask, agent?: HttpAgent | HttpsAgent): Promise<IncomingMessage> {
  const { url, method = "GET", headers = {}, body } = ask;
  const send = url.startsWith("https:") ? httpsRequest : httpRequest;
  const outgoing = send(url, { method, headers, ...secrets(ask), agent: agent ?? false });
  outgoing.setTimeout(DEADLINE_MS, () => outgoing.destroy(Object.assign(new Error("silent"), { code: "SILENT" })));
  outgoing.end(body);
  return once(outgoing, "response").then(
    ([incoming]) => incoming as IncomingMessage,
    (error: NodeJS.ErrnoException) => {
      throw outgoing.reusedSocket && error.code === "ECONNRESET" ? new LostConnection() : error;
    },
  );
}

async function askHttp1(ask: Ask, agent?: HttpAgent | HttpsAgent): Promise<Told> {
  const incoming = await open(ask, agent);
  let bytes = 0;
  let body = "";
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (body.length < KEPT_BODY) body += chunk.toString();
  }
  const { statusCode = 0, httpVersion, headers } = incoming;
  return { status: statusCode, httpVersion, headers, body: body.slice(0, KEPT_BODY), bytes };
}

async function askHttp2(ask: Ask): Promise<Told> {
  const { url, method = "GET", headers = {}, body: sent } = ask;
  const { origin, pathname } = new URL(url);
  const { host, ...others } = headers;
  const session = connectHttp2(origin, secrets(ask));
  try {
    const failed = once(session, "error").then(([error]) => Promise.reject(error as Error));
    const stream = session.request({
      ":method": method,
      ":path": pathname,
      ...(host !== undefined && { ":authority": host }),
      ...others,
    });
    stream.setTimeout(DEADLINE_MS, () => stream.destroy(Object.assign(new Error("silent"), { code: "SILENT" })));
    stream.end(sent);
    const [answered] = (await Promise.race([once(stream, "response"), failed])) as [Record<string, unknown>];
    let bytes = 0;
    let body = "";
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (body.length < KEPT_BODY) body += chunk.toString();
    }
    return { status: Number(answered[":status"]), httpVersion: "2.0", headers: answered, body, bytes };
  } finally {
    session.destroy();
  }
}

let heldStream: IncomingMessage | undefined;
let load: { readonly timer: NodeJS.Timeout; readonly done: () => Promise<LoadReport> } | undefined;

const calls: Calls = {
  async ask(ask) {
    try {
      return await (ask.http2 === true ? askHttp2(ask) : askHttp1(ask));
    } catch (error) {
      return { error: codeOf(error) };
    }
  },
  async echo(ask, text) {
    const socket = new WebSocket(ask.url, { headers: { ...ask.headers }, ...secrets(ask), handshakeTimeout: 10_000 });
    try {
      await once(socket, "open");
      socket.send(text);
      const [data] = (await once(socket, "message")) as [Buffer];
      return data.toString();
    } finally {
      socket.terminate();
    }
  },
  async hold(ask) {
    heldStream = await open(ask);
    await once(heldStream, "data");
    return heldStream.statusCode ?? 0;
  },
  async held() {
    const stream = heldStream;
    if (stream === undefined) throw new Error("nothing is held");
    const since = performance.now();
    const end = await new Promise<string>((resolve) => {
      if (stream.closed) resolve(stream.errored === null ? "closed" : codeOf(stream.errored));
      stream.once("error", (error) => resolve(codeOf(error))).once("close", () => resolve("closed"));
      stream.resume();
    });
    return { end, afterMs: performance.now() - since };
  },
  startLoad(ask, perSecond) {
    const agent = ask.url.startsWith("https:")
      ? new HttpsAgent({ keepAlive: true, maxSockets: 32 })
      : new HttpAgent({ keepAlive: true, maxSockets: 32 });
    const failures: Record<string, number> = {};
    const pending = new Set<Promise<void>>();
    let sent = 0;
    let succeeded = 0;
    let repeated = 0;
    let slowestMs = 0;
    const started = performance.now();
    const send = async (): Promise<void> => {
      const begun = performance.now();
      const outcome = await askHttp1(ask, agent)
        .catch((error: unknown) => {
          if (!(error instanceof LostConnection)) throw error;
          repeated += 1;
          return askHttp1(ask);
        })
        .then(
          ({ status }) => String(status),
          (error: unknown) => codeOf(error),
        );
      slowestMs = Math.max(slowestMs, performance.now() - begun);
      if (outcome === "200") succeeded += 1;
      else failures[outcome] = (failures[outcome] ?? 0) + 1;
    };
    // An open loop: whoever is slow gets no fewer requests for it.
    const timer = setInterval(() => {
      for (; sent < ((performance.now() - started) / 1_000) * perSecond; sent += 1) {
        const one = send().finally(() => pending.delete(one));
        pending.add(one);
      }
    }, 5);
    const done = async (): Promise<LoadReport> => {
      clearInterval(timer);
      await Promise.all(pending);
      agent.destroy();
      return { sent, succeeded, failures, repeated, slowestMs };
    };
    load = { timer, done };
    return Promise.resolve();
  },
  async stopLoad() {
    if (load === undefined) throw new Error("no load runs");
    return load.done();
  },
};

function codeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

interface Order {
  readonly id: number;
  readonly name: keyof Calls;
  readonly args: readonly never[];
}

process.on("message", ({ id, name, args }: Order) => {
  const call = calls[name] as (...args: readonly never[]) => Promise<unknown>;
  call(...args).then(
    (value) => process.send?.({ id, value }),
    (error: unknown) => process.send?.({ id, failure: codeOf(error) }),
  );
});
process.on("disconnect", () => process.exit());
