/** A caller on an address of its own choice: raw connections, and single HTTP/1.1 requests over them. */
import { once } from "node:events";
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { KeyPair } from "../mesh/authority.ts";

export interface CallerTls {
  /** What the caller trusts, PEM; absent: everything, for tests of the other direction. */
  readonly ca?: string;
  /** Its own certificate, if it shows one. */
  readonly pair?: KeyPair;
  /** Server name; absent: none is sent. */
  readonly servername?: string;
  readonly options?: ConnectionOptions & { readonly allowHalfOpen?: boolean };
}

export interface CallOptions {
  readonly port: number;
  /** Source address, 127.0.0.1 unless told. */
  readonly from?: string;
  readonly tls?: CallerTls;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Ends the connection, as an error of its own. */
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a call ended: an answer, or the error code of the connection. */
export type CallOutcome = Answer | { readonly error: string };

/** Opens a connection; for TLS the socket is returned once the handshake is over as the caller sees it. */
export async function connect({
  port,
  from,
  tls,
  signal,
}: Pick<CallOptions, "port" | "from" | "tls" | "signal">): Promise<Socket | TLSSocket> {
  const address = {
    host: "127.0.0.1",
    port,
    ...(from !== undefined && { localAddress: from }),
    ...(signal !== undefined && { signal }),
  };
  if (tls === undefined) {
    const socket = connectTcp({ ...address, allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  }
  const socket = connectTls({
    ...address,
    ...(tls.ca === undefined ? { rejectUnauthorized: false } : { ca: tls.ca, checkServerIdentity: () => undefined }),
    ...(tls.pair !== undefined && { cert: tls.pair.certPem, key: tls.pair.keyPem }),
    ...(tls.servername !== undefined && { servername: tls.servername }),
    ...tls.options,
  });
  await once(socket, "secureConnect");
  return socket;
}

/** One request on a connection of its own. Rejects with the connection's error. */
export async function call(options: CallOptions): Promise<Answer> {
  const socket = await connect(options);
  try {
    return await exchange(socket, options);
  } finally {
    socket.destroy();
  }
}

/** As `call`, with the error code as an outcome. */
export async function tryCall(options: CallOptions): Promise<CallOutcome> {
  try {
    return await call(options);
  } catch (error) {
    return { error: (error as NodeJS.ErrnoException).code ?? String(error) };
  }
}

/** One request on a connection that is open already, and stays so. */
export async function exchange(
  socket: Socket | TLSSocket,
  { method = "GET", path = "/", headers = {}, body }: Omit<CallOptions, "port">,
): Promise<Answer> {
  const request = httpRequest({
    createConnection: () => socket,
    method,
    path,
    headers: { host: "app.test", connection: "keep-alive", ...headers } as Record<string, string | string[]>,
  });
  // What breaks after the response has begun shows in the response.
  request.on("error", () => undefined);
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() };
}

/** Everything that comes until the other side ends or breaks the connection; how it ended is part of the answer. */
export async function readToEnd(socket: Socket): Promise<{ readonly text: string; readonly end: string }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    return { text: Buffer.concat(chunks).toString("latin1"), end: "FIN" };
  } catch (error) {
    return {
      text: Buffer.concat(chunks).toString("latin1"),
      end: (error as NodeJS.ErrnoException).code ?? String(error),
    };
  }
}
