/**
 * Two-way copy between an admitted connection and the application: back-pressure, half-close, resets and byte order
 * kept, nothing parsed. `pipe()` is not used: it costs a third more and ends both sides with one.
 */
import type { Socket } from "node:net";
import type { Limits } from "../../config/config.ts";
import type { ConnectionEnd } from "../../telemetry/records.ts";
import type { Connection } from "../forward/forwarder.ts";
import { resetSocket } from "../forward/reset.ts";
import { dialUpstream } from "./upstream-socket.ts";

/** How long one direction may stay silent once the other has ended: half-closed peers are often gone for good. */
const HALF_CLOSED_IDLE_MS = 300_000;

/** One connection and its leg to the application. */
export class Relay {
  readonly connection: Connection;
  readonly #upstream: Socket;
  #bytesSeen = 0;
  #activeAtMs: number;
  readonly #startedAtMs: number;
  #halfClosed = false;

  constructor(connection: Connection, limits: Limits, nowMs: number) {
    this.connection = connection;
    this.#startedAtMs = nowMs;
    this.#activeAtMs = nowMs;
    const downstream = connection.socket;
    // Unread until the application answers: what has arrived waits in the socket, what has not in the kernel.
    this.#upstream = dialUpstream({
      app: connection.backend.app,
      connectTimeoutMs: limits.connectTimeoutMs,
      onData: (chunk) => downstream.write(chunk),
      onConnect: () => this.#start(),
      onUnreachable: (detail) => this.#cut("upstream-unreachable", detail),
    });
    // Whatever ends the caller's side ends the application's. After an orderly end on both sides this finds it closed.
    downstream.once("close", () => this.#upstream.destroy());
  }

  /** Ends both sides with a reset: a cut must not pass for the end of the data. */
  cut(): void {
    resetSocket(this.#upstream);
    this.connection.reset();
  }

  /** Called every now and then: ends what was silent or has lived too long. */
  enforceLimits(limits: Limits, nowMs: number): void {
    const bytes = this.connection.bytesIn + this.connection.bytesOut;
    if (bytes !== this.#bytesSeen) {
      this.#bytesSeen = bytes;
      this.#activeAtMs = nowMs;
    }
    const idleLimitMs = this.#halfClosed ? Math.min(limits.idleTimeoutMs, HALF_CLOSED_IDLE_MS) : limits.idleTimeoutMs;
    if (limits.lifetimeMs > 0 && nowMs - this.#startedAtMs >= limits.lifetimeMs) this.#cut("lifetime-reached");
    else if (nowMs - this.#activeAtMs >= idleLimitMs) this.#cut("idle-timeout");
  }

  #start(): void {
    const downstream = this.connection.socket;
    const upstream = this.#upstream;
    downstream.on("data", (chunk: Buffer) => {
      if (!upstream.write(chunk)) downstream.pause();
    });
    upstream.on("drain", () => downstream.resume());
    downstream.on("drain", () => upstream.resume());
    downstream.on("end", () => {
      this.#halfClosed = true;
      upstream.end();
    });
    upstream.on("end", () => {
      this.#halfClosed = true;
      downstream.end();
    });
    downstream.on("error", () => resetSocket(upstream));
    upstream.on("error", (error: NodeJS.ErrnoException) => this.#cut("upstream-reset", error.code ?? error.message));
  }

  #cut(end: ConnectionEnd, detail?: string): void {
    this.connection.finish(end, detail);
    this.cut();
  }
}
