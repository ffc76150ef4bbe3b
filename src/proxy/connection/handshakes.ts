/**
 * The TLS side of the listeners: accepted sockets go in, secured ones or the reason why not come out. The servers here
 * never listen; a socket is handed to them after its source address was judged.
 */
import { createSecureContext, createServer, type Server as TlsServer, type TLSSocket, type TlsOptions } from "node:tls";
import type { Socket } from "node:net";
import type { Refused } from "../../policy/decision.ts";
import type { Identity } from "../../tls/identity.ts";
import { presentedIdentity, verificationFault } from "../../tls/peer.ts";
import { secureContextOptions } from "../../tls/secure-context.ts";
import type { Credentials } from "../../tls/credentials.ts";
import { contain, faultIn, type CallbackFault, type OnFault } from "../forward/boundary.ts";
import type { HandshakeFacts } from "./accepted-connection.ts";
import { classifyHandshakeError, type HandshakeFailure } from "./handshake-failure.ts";

/** What the rule in force at accept asks of the handshake. */
export interface HandshakeTerms {
  readonly clientCertificate: boolean;
  /** Empty: the extension is ignored. */
  readonly alpn: readonly string[];
  /** Judges a server name that was sent, before our certificate is. */
  readonly judgeServerName: (sni: string) => Refused | undefined;
}

export type HandshakeResult =
  | {
      readonly secured: true;
      readonly socket: TLSSocket;
      readonly credentials: Credentials;
      /** The client's certificate; not yet judged. */
      readonly presented: Identity | undefined;
      readonly facts: HandshakeFacts;
    }
  | { readonly secured: false; readonly failure: HandshakeFailure | Refused; readonly facts: HandshakeFacts };

/** One handshake that is not over yet. */
interface Pending {
  readonly terms: HandshakeTerms;
  readonly credentials: Credentials;
  watched: boolean;
  sni?: string;
  presented?: Identity | undefined;
  verificationFault?: string | undefined;
  settle: (result: HandshakeResult) => void;
  /** A callback of this handshake threw. */
  fault: OnFault;
}

/** Ends TLS with the current credentials: a server for each combination of client certificate and ALPN, made on first use. */
export class Handshakes {
  readonly #timeoutMs: number;
  readonly #servers = new Map<string, TlsServer>();
  readonly #pending = new WeakMap<Socket, Pending>();
  #credentials: Credentials | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get credentials(): Credentials | undefined {
    return this.#credentials;
  }

  /**
   * For new handshakes; those under way keep what they began with and are judged by their caller.
   * @throws when no secure context can be made of them; the former ones stay in force then.
   */
  setCredentials(credentials: Credentials | undefined): void {
    if (credentials === undefined) {
      this.#credentials = undefined;
      this.#servers.clear();
      return;
    }
    const options = secureContextOptions(credentials);
    // Tried first: setSecureContext() has overwritten half of the server's state by the time it throws.
    createSecureContext(options);
    for (const server of this.#servers.values()) server.setSecureContext(options);
    this.#credentials = credentials;
  }

  /** Secures `raw`. Rejects only with a fault of ours. The caller has attached its error listener to `raw`, and checked `credentials`. */
  begin(raw: Socket, terms: HandshakeTerms): Promise<HandshakeResult> {
    return new Promise((resolve, reject) => {
      const credentials = this.#credentials;
      if (credentials === undefined) {
        resolve({ secured: false, failure: { verdict: "close", reason: "no-credentials" }, facts: {} });
        return;
      }
      const pending: Pending = {
        terms,
        credentials,
        watched: false,
        settle: (result) => {
          this.#pending.delete(raw);
          resolve(result);
        },
        fault: (fault) => {
          this.#pending.delete(raw);
          reject(fault);
        },
      };
      this.#pending.set(raw, pending);
      // tlsClientError comes later in the same turn, with a better reason than this one.
      const onClose = contain("handshake close", pending.fault, () =>
        fail(pending, { end: "handshake-failed", detail: "connection closed" }),
      );
      raw.once("close", () => setImmediate(onClose));
      this.#server(credentials, terms).emit("connection", raw);
    });
  }

  #server(credentials: Credentials, terms: HandshakeTerms): TlsServer {
    const key = `${terms.clientCertificate}|${terms.alpn.join()}`;
    let server = this.#servers.get(key);
    if (server === undefined) {
      server = this.#createServer(secureContextOptions(credentials), terms);
      this.#servers.set(key, server);
    }
    return server;
  }

  #createServer(context: TlsOptions, terms: HandshakeTerms): TlsServer {
    const onServerName = (socket: TLSSocket, name: string): Error | null => {
      try {
        return this.#judgeServerName(socket, name);
      } catch (thrown) {
        this.#fault(socket, faultIn("handshake server-name", thrown));
        return new Error("server name could not be judged");
      }
    };
    const server = createServer({
      ...context,
      // With rejectUnauthorized a missing certificate gets its TLS alert; without it Node would let the caller in first.
      requestCert: terms.clientCertificate,
      rejectUnauthorized: terms.clientCertificate,
      ...(terms.alpn.length > 0 && { ALPNProtocols: [...terms.alpn] }),
      handshakeTimeout: this.#timeoutMs,
      SNICallback(this: TLSSocket, name: string, done: (error: Error | null) => void) {
        done(onServerName(this, name));
      },
    });
    // The one event that names the socket before the handshake ends, whether or not a server name was sent.
    if (terms.clientCertificate) {
      server.on("keylog", (_line, socket) =>
        this.#contain("handshake keylog", socket, () => this.#watchCertificate(socket)),
      );
    }
    server.on("secureConnection", (socket) => this.#contain("handshake secured", socket, () => this.#secured(socket)));
    server.on("tlsClientError", (error, socket) =>
      this.#contain("handshake error", socket, () => this.#failed(error, socket)),
    );
    return server;
  }

  #contain(name: string, socket: TLSSocket, step: () => void): void {
    contain(name, (fault) => this.#fault(socket, fault), step)();
  }

  #fault(socket: TLSSocket, fault: CallbackFault): void {
    const pending = this.#pendingOf(socket);
    if (pending === undefined) socket.destroy();
    else pending.fault(fault);
  }

  /** An error here ends the handshake before our certificate is sent. The context is never switched by name. */
  #judgeServerName(socket: TLSSocket, name: string): Error | null {
    const pending = this.#pendingOf(socket);
    if (pending === undefined) return new Error("server name of an unknown connection");
    pending.sni = name;
    const refused = pending.terms.judgeServerName(name);
    if (refused === undefined) return null;
    fail(pending, refused);
    return new Error(refused.reason);
  }

  /** Notes the names that were presented. First in line: Node destroys a socket whose certificate it does not trust. */
  #watchCertificate(socket: TLSSocket): void {
    const pending = this.#pendingOf(socket);
    if (pending === undefined || pending.watched) return;
    pending.watched = true;
    const onSecure = contain("handshake certificate", pending.fault, () => {
      pending.presented = presentedIdentity(socket);
      pending.verificationFault = verificationFault(socket);
    });
    socket.prependOnceListener("secure", onSecure);
  }

  #secured(socket: TLSSocket): void {
    const pending = this.#pendingOf(socket);
    if (pending === undefined) {
      socket.destroy();
      return;
    }
    const { credentials, presented } = pending;
    // OpenSSL stores the verdict on a certificate with the session and never takes it again.
    if (socket.isSessionReused())
      fail(pending, { end: "handshake-failed", detail: "session resumption is not served" });
    else pending.settle({ secured: true, socket, credentials, presented, facts: factsOf(pending) });
  }

  #failed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const pending = this.#pendingOf(socket);
    // Node leaves the socket open after a handshake timeout, among others.
    socket.destroy();
    if (pending === undefined) return;
    fail(pending, classifyHandshakeError(error, authorizationCode(socket), pending.verificationFault));
  }

  #pendingOf(socket: TLSSocket): Pending | undefined {
    const raw = rawSocketOf(socket);
    return raw === undefined ? undefined : this.#pending.get(raw);
  }
}

function fail(pending: Pending, failure: HandshakeFailure | Refused): void {
  pending.settle({ secured: false, failure, facts: factsOf(pending) });
}

function factsOf(pending: Pending): HandshakeFacts {
  return { sni: pending.sni, presented: pending.presented?.sans };
}

/** A string on server sockets, null when all is well, whatever the type says. */
function authorizationCode(socket: TLSSocket): string | undefined {
  const code: unknown = socket.authorizationError;
  return typeof code === "string" ? code : undefined;
}

/**
 * The socket that was handed to the server. Node keeps it in a property without a documented name and offers no other
 * way back; where it is missing the connection counts as unknown, and is refused.
 */
function rawSocketOf(socket: TLSSocket): Socket | undefined {
  return (socket as TLSSocket & { readonly _parent?: Socket })._parent;
}
