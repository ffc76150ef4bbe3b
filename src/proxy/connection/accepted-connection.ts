/**
 * One accepted socket, from accept to record: what is known of it, and its phase. serve-connection.ts says what happens to
 * it; connection-phase.ts which phase may follow which.
 */
import type { X509Certificate } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { BackendConfig, ForwardMode } from "../../config/config.ts";
import type { Owners } from "../../policy/address/address-set.ts";
import type { Decision, Peer, Refused, San } from "../../policy/decision.ts";
import type { BackendPort } from "../../policy/model.ts";
import type { PeerAddress } from "../../policy/address/peer-address.ts";
import type { ConnectionEnd } from "../../telemetry/records.ts";
import type { VerifiedPeer } from "../../tls/peer.ts";
import type { Connection, DownstreamSocket, Forwarder } from "../forward/forwarder.ts";
import { resetSocket } from "../forward/reset.ts";
import { admissionOf, admitted, causeOf, closed, ending, ORDERLY, rejudged, type Phase } from "./connection-phase.ts";

/** The decision until a connection is judged: code that forgets to judge refuses. */
const UNDECIDED: Refused = Object.freeze({ verdict: "close", reason: "no-snapshot" });

/** What the verified or refused handshake left behind. */
export interface HandshakeFacts {
  readonly sni?: string | undefined;
  /** As presented, verified or not: for records only, never for a decision. */
  readonly presented?: readonly San[] | undefined;
}

/** `full`: without resumption. `issued`: full, and may be resumed. `resumed`: the certificate was shown to a former handshake. */
export type HandshakeSession = "full" | "issued" | "resumed";

/** The TLS side of a connection whose handshake is over. */
export interface Secured {
  readonly socket: TLSSocket;
  readonly verified: VerifiedPeer;
  readonly session: HandshakeSession;
  /** `Credentials.trust` by which the certificate was last found good; absent: not yet held against revocation. */
  trust: string | undefined;
  /** All that was presented, leaf first, once it had to be read; of a resumed session the leaf, which is all that it holds. */
  chain?: readonly X509Certificate[];
  /**
   * When the first certificate that came with the peer's own ends, milliseconds since the epoch; infinite where the bundle
   * alone vouches for that one. Absent until it was judged.
   */
  chainEnd?: number;
}

/** What the handshake, or the first byte of plaintext, has shown. */
export interface Greeting {
  readonly protocol: Connection["protocol"];
  readonly peer: Peer;
  readonly secured?: Secured;
  /** Value for `x-forwarded-client-cert`. */
  readonly clientCertHeader?: string;
}

const ignore = (): void => undefined;

/** One accepted socket. */
export class AcceptedConnection implements Connection {
  readonly id: string;
  readonly backend: BackendConfig;
  readonly address: string;
  /** Wall clock, for records. */
  readonly startedAt = Date.now();
  /** The TCP socket, under TLS too. */
  readonly raw: Socket;
  readonly #acceptedAt = performance.now();
  #greeting: Greeting;
  #facts: HandshakeFacts = {};
  #phase: Phase = { state: "handshaking" };
  #requests = 0;
  #judgement: (() => void) | undefined;

  constructor(id: string, backend: BackendConfig, raw: Socket, address: PeerAddress | undefined) {
    this.id = id;
    this.backend = backend;
    this.raw = raw;
    this.address = address?.text ?? "";
    this.#greeting = { protocol: "http/1.1", peer: { address } };
  }

  get phase(): Phase {
    return this.#phase;
  }

  get socket(): DownstreamSocket {
    return this.#greeting.secured?.socket ?? this.raw;
  }

  get port(): BackendPort {
    return this.backend.port;
  }

  get protocol(): Connection["protocol"] {
    return this.#greeting.protocol;
  }

  get peer(): Peer {
    return this.#greeting.peer;
  }

  get secured(): Secured | undefined {
    return this.#greeting.secured;
  }

  get clientCertHeader(): string | undefined {
    return this.#greeting.clientCertHeader;
  }

  get facts(): HandshakeFacts {
    return this.#facts;
  }

  get decision(): Decision {
    return admissionOf(this.#phase)?.decision ?? UNDECIDED;
  }

  get revoked(): boolean {
    return causeOf(this.#phase)?.end === "revoked";
  }

  get requests(): number {
    return this.#requests;
  }

  get bytesIn(): number {
    return this.socket.bytesRead;
  }

  get bytesOut(): number {
    return this.socket.bytesWritten;
  }

  get ageMs(): number {
    return performance.now() - this.#acceptedAt;
  }

  /** The names that a handshake showed, whether it succeeded or not. */
  learned(facts: HandshakeFacts): void {
    this.#facts = facts;
  }

  greeted(greeting: Greeting): void {
    this.#greeting = greeting;
  }

  admit(mode: ForwardMode, forwarder: Forwarder, owners: Owners, decision: Decision): void {
    const allowed = decision.verdict === "forward" ? decision : undefined;
    this.#phase = admitted(this.#phase, { mode, forwarder, owners, decision, allowed });
  }

  rejudge(decision: Decision): void {
    this.#phase = rejudged(this.#phase, decision);
  }

  /** A change of trust has come that this connection was not yet judged by, or it has lost its right and is not yet ended. */
  get judgementIsDue(): boolean {
    return this.#judgement !== undefined;
  }

  /** @param judgement may end the connection; `undefined`: none is due any more */
  judgeLater(judgement: (() => void) | undefined): void {
    this.#judgement = judgement;
  }

  judgeNow(): void {
    const judgement = this.#judgement;
    this.#judgement = undefined;
    judgement?.();
  }

  requestBegan(): void {
    this.#requests += 1;
  }

  end(end: ConnectionEnd, detail?: string): void {
    this.#phase = ending(this.#phase, { end, detail });
  }

  /** A policy test said no, at admission (`refused`) or later (`revoked`). Does not close: the forwarder may owe a grace. */
  refuse(end: ConnectionEnd, refusal: Refused, detail?: string): void {
    this.#phase = ending(rejudged(this.#phase, refusal), { end, refusal, detail });
  }

  refuseTls(): void {
    const { policy } = this.decision;
    this.refuse("refused", {
      verdict: "close",
      reason: "tls-unexpected",
      ...(policy !== undefined && { policy }),
    });
  }

  /** The process is going away. Whatever really ends the connection is what its record says. */
  drain(): void {
    this.#phase = ending(this.#phase, ORDERLY);
  }

  /** The caller's socket reported an error; it closes by itself. */
  failed(error: NodeJS.ErrnoException): void {
    const detail = error.code ?? error.message;
    this.end(detail.startsWith("ERR_SSL") ? "protocol-error" : "downstream-reset", detail);
  }

  fault(error: Error): void {
    this.end("internal-error", error.message);
    this.reset();
  }

  /** Ends and closes at once; nothing more is sent. */
  close(end: ConnectionEnd, detail?: string): void {
    this.end(end, detail);
    this.destroy();
  }

  /** To be called once everybody has heard of the close. */
  closed(): void {
    this.#phase = closed(this.#phase);
    // Under TLS a closed socket outlives some collections of garbage, each of which would copy whatever hangs on it: who
    // listens is let go of by itself.
    for (const socket of [this.socket, this.raw]) if (socket.closed) socket.removeAllListeners().on("error", ignore);
  }

  reset(): void {
    resetSocket(this.socket, this.raw);
  }

  destroy(): void {
    this.socket.destroy();
    this.raw.destroy();
  }
}
