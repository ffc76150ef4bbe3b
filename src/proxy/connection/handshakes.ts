/**
 * The TLS side of the listeners: accepted sockets go in, secured ones or the reason why not come out. A socket is handed
 * over after its source address was judged.
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Refused } from "../../policy/decision.ts";
import type { Identity } from "../../tls/x509/identity.ts";
import { presentedIdentity, verificationFault } from "../../tls/peer.ts";
import { handshakeContexts, type HandshakeContexts } from "../../tls/secure-context.ts";
import type { Credentials } from "../../tls/credentials.ts";
import { ticketOptions, type TicketScope, type TicketSecret } from "../../tls/session-tickets.ts";
import { contain, faultIn, type OnFault } from "../forward/boundary.ts";
import type { HandshakeFacts, HandshakeSession } from "./accepted-connection.ts";
import { certificateFailure, classifyHandshakeError, type HandshakeFailure } from "./handshake-failure.ts";
import { beginHandshake, releaseControl } from "./server-socket.ts";

/** What the rule in force at accept asks of the handshake. */
export interface HandshakeTerms {
  readonly clientCertificate: boolean;
  /** Empty: the extension is ignored. */
  readonly alpn: readonly string[];
  /** Judges a server name that was sent, before our certificate is. */
  readonly judgeServerName: (sni: string) => Refused | undefined;
  /** What a session may be resumed for. Absent: it is not, and leaves no ticket. */
  readonly tickets?: TicketScope | undefined;
}

export type HandshakeResult =
  | {
      readonly secured: true;
      readonly socket: TLSSocket;
      readonly credentials: Credentials;
      /** The client's certificate; not yet judged. Of a resumed session: the one that its handshake has shown. */
      readonly presented: Identity | undefined;
      readonly session: HandshakeSession;
      readonly facts: HandshakeFacts;
    }
  | {
      readonly secured: false;
      readonly failure: HandshakeFailure | Refused;
      /** The certificate of a session was found bad. */
      readonly resumed: boolean;
      readonly facts: HandshakeFacts;
    };

/** What new handshakes begin with. */
interface Own {
  readonly credentials: Credentials;
  /** Without tickets. */
  readonly contexts: HandshakeContexts;
  /** With tickets, by scope; made when first wanted. */
  readonly resumable: Map<string, HandshakeContexts>;
}

/** Ends TLS with the current credentials. */
export class Handshakes {
  readonly #timeoutMs: number;
  #own: Own | undefined;
  #secret: TicketSecret | undefined;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  get credentials(): Credentials | undefined {
    return this.#own?.credentials;
  }

  /**
   * For new handshakes; those under way keep what they began with and are judged by their caller.
   * @throws when no secure context can be made of them; the former ones stay in force then.
   */
  setCredentials(credentials: Credentials | undefined): void {
    this.#own = credentials && { credentials, contexts: handshakeContexts(credentials), resumable: new Map() };
  }

  /** For new handshakes: tickets of another secret are good for nothing. @param secret `undefined`: nothing is resumed */
  setTicketSecret(secret: TicketSecret | undefined): void {
    this.#secret = secret;
    this.#own?.resumable.clear();
  }

  /** Secures `raw`. Rejects only with a fault of ours. The caller has attached its error listener to `raw`, and checked `credentials`. */
  begin(raw: Socket, terms: HandshakeTerms): Promise<HandshakeResult> {
    return new Promise((resolve, reject) => {
      if (this.#own === undefined)
        resolve({ secured: false, failure: { verdict: "close", reason: "no-credentials" }, resumed: false, facts: {} });
      else {
        const tickets = this.#secret === undefined ? undefined : terms.tickets;
        const contexts =
          tickets === undefined ? this.#own.contexts : this.#resumable(this.#own, this.#secret!, tickets);
        const settled = { ...terms, tickets };
        new Handshake(settled, this.#own.credentials, resolve, reject).begin(raw, contexts, this.#timeoutMs);
      }
    });
  }

  #resumable({ credentials, resumable }: Own, secret: TicketSecret, scope: TicketScope): HandshakeContexts {
    const key = JSON.stringify([scope.port, scope.clientCertificate]);
    let contexts = resumable.get(key);
    if (contexts === undefined) {
      contexts = handshakeContexts(credentials, ticketOptions(secret, credentials, scope));
      resumable.set(key, contexts);
    }
    return contexts;
  }
}

/** One handshake. The first result counts. */
class Handshake {
  readonly #terms: HandshakeTerms;
  readonly #credentials: Credentials;
  readonly #settle: (result: HandshakeResult) => void;
  readonly #onFault: OnFault;
  #socket: TLSSocket | undefined;
  #sni: string | undefined;
  #presented: Identity | undefined;
  #over = false;

  constructor(
    terms: HandshakeTerms,
    credentials: Credentials,
    settle: (result: HandshakeResult) => void,
    onFault: OnFault,
  ) {
    this.#terms = terms;
    this.#credentials = credentials;
    this.#settle = settle;
    this.#onFault = (fault) => {
      this.#over = true;
      this.#socket?.destroy();
      onFault(fault);
    };
  }

  begin(raw: Socket, contexts: HandshakeContexts, timeoutMs: number): void {
    const { clientCertificate, alpn } = this.#terms;
    // An error of the TLS socket comes later in the same turn, with a better reason than this one.
    const onClose = contain("handshake close", this.#onFault, () =>
      this.#fail({ end: "handshake-failed", detail: "connection closed" }),
    );
    raw.once("close", () => setImmediate(onClose));
    const socket = beginHandshake(
      raw,
      { contexts, clientCertificate, alpn, timeoutMs },
      {
        onServerName: (name) => {
          try {
            return this.#judgeServerName(name);
          } catch (thrown) {
            this.#onFault(faultIn("handshake server-name", thrown));
            return new Error("server name could not be judged");
          }
        },
        onSecure: contain("handshake secured", this.#onFault, () => this.#secured()),
        onError: contain("handshake error", this.#onFault, (error: NodeJS.ErrnoException) => this.#failed(error)),
      },
    );
    this.#socket = socket;
    // Half a connection is kept for the sake of responses, and none is owed yet.
    socket.once(
      "end",
      contain("handshake end", this.#onFault, () => this.#callerEnded(raw.bytesRead > 0)),
    );
  }

  /** @param hasSpoken unlike a probe that only connects */
  #callerEnded(hasSpoken: boolean): void {
    if (this.#over) return;
    this.#socket?.destroy();
    if (hasSpoken) this.#fail({ end: "handshake-failed", detail: "closed by the peer" });
    else this.#fail({ end: "silent", detail: "closed by the peer before its first byte" });
  }

  /** An error here ends the handshake before our certificate is sent. The context is never switched by name. */
  #judgeServerName(name: string): Error | undefined {
    this.#sni = name;
    const refused = this.#terms.judgeServerName(name);
    if (refused === undefined) return undefined;
    this.#fail(refused);
    return new Error(refused.reason);
  }

  /** The certificate is noted before it is judged: a record names what was presented, believed or not. */
  #secured(): void {
    const socket = this.#socket!;
    if (this.#over || socket.destroyed) return;
    const { clientCertificate, tickets } = this.#terms;
    const resumed = socket.isSessionReused();
    // A resumed handshake sends no certificate of ours, so `onServerName` was not called.
    if (resumed) this.#sni = socket.servername || undefined;
    this.#presented = clientCertificate ? presentedIdentity(socket) : undefined;
    const fault = clientCertificate ? verificationFault(socket) : undefined;
    if (fault !== undefined || (clientCertificate && this.#presented === undefined)) {
      this.#fail(certificateFailure(fault), resumed);
      socket.destroy();
      return;
    }
    if (resumed && tickets === undefined) {
      this.#fail({ end: "handshake-failed", detail: "session resumption is not served" });
      socket.destroy();
      return;
    }
    socket.authorized = clientCertificate;
    releaseControl(socket);
    this.#over = true;
    const { sni, presented } = { sni: this.#sni, presented: this.#presented };
    const facts = { sni, presented: presented?.sans };
    const session = resumed ? "resumed" : tickets === undefined ? "full" : "issued";
    this.#settle({ secured: true, socket, credentials: this.#credentials, presented, session, facts });
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#over) return;
    // Node leaves the socket open after a handshake timeout, among others.
    this.#socket?.destroy();
    this.#fail(classifyHandshakeError(error));
  }

  #fail(failure: HandshakeFailure | Refused, resumed = false): void {
    if (this.#over) return;
    this.#over = true;
    this.#settle({ secured: false, failure, resumed, facts: { sni: this.#sni, presented: this.#presented?.sans } });
  }
}
