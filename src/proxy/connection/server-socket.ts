/**
 * The server's end of one TLS handshake, as Node's own TLS server makes it but for two things: our certificate is shown
 * without the root above it, and the verdict on the client's is ours to take. What is used of Node without a documented
 * name stands here alone; where it is missing one day, nobody is trusted.
 */
import type { Socket } from "node:net";
import { TLSSocket, type SecureContext, type TLSSocketOptions } from "node:tls";
import type { HandshakeContexts } from "../../tls/secure-context.ts";

export interface ServerSocketOptions {
  readonly contexts: HandshakeContexts;
  readonly clientCertificate: boolean;
  /** Empty: the extension is ignored. */
  readonly alpn: readonly string[];
  readonly timeoutMs: number;
}

/** None of these may throw. */
export interface ServerSocketEvents {
  /** A server name was sent; an error ends the handshake before our certificate is. */
  readonly onServerName: (name: string) => Error | undefined;
  /** The handshake is over, and the certificate is to be judged. */
  readonly onSecure: () => void;
  /** Called for each error, before and after the handshake. */
  readonly onError: (error: NodeJS.ErrnoException) => void;
}

interface Handle {
  oncertcb: (info: { readonly servername?: string }) => void;
  sni_context: object;
  enableCertCb(): void;
  certCbDone(): void;
}

interface Internals {
  readonly _handle: Handle | null;
  readonly _controlReleased: boolean;
  _releaseControl(): boolean;
  secureConnecting: boolean;
}

/** @returns the socket, whose handshake begins with the next turn */
export function beginHandshake(raw: Socket, options: ServerSocketOptions, events: ServerSocketEvents): TLSSocket {
  const { contexts, clientCertificate, alpn, timeoutMs } = options;
  const settings: TLSSocketOptions & { readonly handshakeTimeout: number } = {
    isServer: true,
    secureContext: contexts.shown,
    // A missing certificate gets its TLS alert from OpenSSL.
    requestCert: clientCertificate,
    rejectUnauthorized: clientCertificate,
    ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
    handshakeTimeout: timeoutMs,
  };
  const socket = new TLSSocket(raw, settings);
  const { _handle: handle } = socket as unknown as Internals;
  if (handle !== null) {
    handle.oncertcb = ({ servername }) => {
      const fault = servername ? events.onServerName(servername) : undefined;
      if (fault !== undefined || socket.destroyed) {
        socket.destroy(fault);
        return;
      }
      // Later than OpenSSL has looked at the name: it would take the whole context over then, and find the root in it.
      handle.sni_context = (contexts.trusted as SecureContext & { readonly context: object }).context;
      try {
        handle.certCbDone();
      } catch (error) {
        socket.destroy(error as Error);
      }
    };
    handle.enableCertCb();
  }
  socket.on("secure", events.onSecure);
  socket.on("_tlsError", events.onError);
  socket.on("error", events.onError);
  // Node's own words for a caller that leaves before the handshake is over. An error costs a stack trace: none is made after.
  socket.on("close", (hadError) => {
    if (!hadError && !(socket as unknown as Internals)._controlReleased)
      events.onError(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" }));
  });
  return socket;
}

/** From here on the socket is an ordinary one, whose errors are emitted. */
export function releaseControl(socket: TLSSocket): void {
  const internals = socket as unknown as Internals;
  internals._releaseControl();
  // An HTTP/2 session on the socket waits for it.
  internals.secureConnecting = false;
}
