/**
 * The state of one accepted socket, from accept to record. connection.ts says what happens to it; this says what is
 * known of it, and makes sure that it ends once.
 */
import { performance } from "node:perf_hooks";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { BackendConfig, ForwardMode } from "../../config/config.ts";
import type { Allowed, Decision, Peer, Refused, San } from "../../policy/decision.ts";
import type { ConnectionEnd, ConnectionRow } from "../../telemetry/records.ts";
import type { Credentials } from "../../tls/credentials.ts";
import type { VerifiedPeer } from "../../tls/peer.ts";
import type { Connection, DownstreamSocket, Forwarder } from "../forward/forwarder.ts";
import { resetSocket } from "../forward/reset.ts";

/** In force until a connection was judged: whoever forgets to judge refuses. */
const UNDECIDED: Refused = Object.freeze({ verdict: "close", reason: "no-snapshot" });

/** What the verified or refused handshake left behind. */
export interface HandshakeFacts {
  readonly sni?: string | undefined;
  /** As presented, verified or not: for records only, never for a decision. */
  readonly presented?: readonly San[] | undefined;
}

/** The TLS side of a connection whose handshake is over. */
export interface Secured {
  readonly socket: TLSSocket;
  readonly verified: VerifiedPeer;
  /** The credentials by which the certificate was last found good. */
  trust: Credentials;
}

/** What re-judging needs to know about an admission. */
export interface Admission {
  readonly forwarder: Forwarder;
  /** Hash of the pod that owned the address when it was let in; zero when unknown. */
  readonly owner: number;
}

/** One accepted socket. */
export class AcceptedConnection implements Connection {
  readonly id: string;
  readonly backend: BackendConfig;
  readonly address: string;
  readonly startedAt = Date.now();
  /** The TCP socket, under TLS too. */
  readonly raw: Socket;
  secured: Secured | undefined;
  peer: Peer;
  decision: Decision = UNDECIDED;
  /** The last decision that let it in: what the record names as policy, source and principal. */
  allowed: Allowed | undefined;
  mode: ForwardMode | undefined;
  protocol: Connection["protocol"] = "http/1.1";
  clientCertHeader: string | undefined;
  ending = false;
  requests = 0;
  facts: HandshakeFacts = {};
  /** Set once the connection is served; until then it is in its handshake. */
  admission: Admission | undefined;
  /** The test that refused it, or that took its right away. */
  refusal: Refused | undefined;
  #end: ConnectionEnd | undefined;
  #detail: string | undefined;
  readonly #acceptedAt = performance.now();

  constructor(id: string, backend: BackendConfig, raw: Socket, address: string | undefined) {
    this.id = id;
    this.backend = backend;
    this.raw = raw;
    this.address = address ?? "";
    this.peer = { address };
  }

  get socket(): DownstreamSocket {
    return this.secured?.socket ?? this.raw;
  }

  get port(): number {
    return this.backend.port;
  }

  get bytesIn(): number {
    return this.socket.bytesRead;
  }

  get bytesOut(): number {
    return this.socket.bytesWritten;
  }

  /** What is known of the peer, a server name of a failed handshake included: for records only. */
  get judgedPeer(): Peer {
    const { sni } = this.facts;
    if (this.peer.tls !== undefined || sni === undefined) return this.peer;
    return { address: this.peer.address, tls: { certificate: { state: "missing" }, sni } };
  }

  get ageMs(): number {
    return performance.now() - this.#acceptedAt;
  }

  get end(): ConnectionEnd | undefined {
    return this.#end;
  }

  get detail(): string | undefined {
    return this.#detail;
  }

  judged(decision: Decision): void {
    this.decision = decision;
    if (decision.verdict === "forward") this.allowed = decision;
  }

  finish(end: ConnectionEnd, detail?: string): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#detail = detail;
  }

  /** The caller's socket reported an error; it closes by itself. */
  failed(error: NodeJS.ErrnoException): void {
    const detail = error.code ?? error.message;
    this.finish(detail.startsWith("ERR_SSL") ? "protocol-error" : "downstream-reset", detail);
  }

  /** Finishes and closes at once; nothing more is sent. */
  close(end: ConnectionEnd, detail?: string): void {
    this.finish(end, detail);
    this.destroy();
  }

  /** A policy test said no, at admission (`refused`) or later (`revoked`). Does not close: the forwarder may owe a grace. */
  lose(end: ConnectionEnd, refusal: Refused, detail?: string): void {
    if (this.#end === undefined) this.refusal = refusal;
    this.finish(end, detail);
  }

  reset(): void {
    resetSocket(this.socket, this.raw);
  }

  destroy(): void {
    this.socket.destroy();
    this.raw.destroy();
  }

  /** For `/connections`. */
  row(thread: number): ConnectionRow {
    return {
      id: this.id,
      thread,
      port: this.port,
      address: this.address,
      state: this.#state(),
      protocol: this.#spoken(),
      ...definedFields({
        policy: this.decision.policy,
        source: this.allowed?.source,
        principal: this.allowed?.principal,
        sni: this.facts.sni,
        sans: this.sans(),
      }),
      startedAt: this.startedAt,
      requests: this.requests,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
    };
  }

  /** SANs as they are logged: `dns:a.b`. */
  sans(): readonly string[] | undefined {
    return this.facts.presented?.map((san) => `${san.type}:${san.value}`);
  }

  #spoken(): string {
    const encrypted = this.secured !== undefined;
    if (this.mode === "stream") return encrypted ? "tls" : "tcp";
    if (this.protocol === "http/2") return encrypted ? "h2" : "h2c";
    return encrypted ? "https" : "http";
  }

  #state(): ConnectionRow["state"] {
    if (this.ending || this.#end !== undefined) return "ending";
    if (this.admission === undefined) return "handshake";
    return this.decision.verdict === "forward" ? "open" : "forbidden";
  }
}

/** Leaves out what is undefined, as `exactOptionalPropertyTypes` asks. */
export function definedFields<Fields extends object>(
  fields: Fields,
): { [Key in keyof Fields]?: Exclude<Fields[Key], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Key in keyof Fields]?: Exclude<Fields[Key], undefined>;
  };
}
