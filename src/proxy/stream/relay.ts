/**
 * Two-way copy between an admitted connection and the application: back-pressure, half-close, resets and byte order
 * kept, nothing parsed. `pipe()` is not used: it costs a third more and ends both sides with one.
 */
import type { Socket } from "node:net";
import type { Limits } from "../../config/config.ts";
import type { ConnectionEnd } from "../../telemetry/records.ts";
import { contain } from "../forward/boundary.ts";
import type { Connection } from "../forward/forwarder.ts";
import { releaseOf } from "../forward/free-memory.ts";
import type { ReadBuffers } from "../forward/read-buffers.ts";
import { resetSocket } from "../forward/reset.ts";
import { TlsScreen } from "./tls-screen.ts";
import { dialUpstream } from "./upstream-socket.ts";

/** How long one direction may stay silent once the other has ended: half-closed peers are often gone for good. */
const HALF_CLOSED_IDLE_MS = 300_000;

/** One connection and its leg to the application. */
export class Relay {
  readonly connection: Connection;
  readonly #upstream: Socket;
  /** Until it is clear that the caller speaks no TLS on a port without it. */
  #screen: TlsScreen | undefined;
  #bytesSeen = 0;
  #activeAtMs: number;
  #halfClosed = false;

  /** @param nowMs monotonic clock */
  constructor(connection: Connection, limits: Limits, buffers: ReadBuffers, nowMs: number) {
    this.connection = connection;
    this.#activeAtMs = nowMs;
    const downstream = connection.socket;
    if (connection.peer.tls === undefined) this.#screen = new TlsScreen();
    // Unread until the application answers: what has arrived waits in the socket, what has not in the kernel.
    this.#upstream = dialUpstream({
      app: connection.backend.app,
      connectTimeoutMs: limits.connectTimeoutMs,
      buffers,
      onData: (chunk, release) => downstream.write(chunk, release),
      onConnect: () => this.#start(),
      onUnreachable: (detail) => this.#cut("upstream-unreachable", detail),
      onError: (error) => this.#cut("upstream-reset", error.code ?? error.message),
      onFault: (fault) => this.fault(fault),
    });
    // From the first moment: a caller that resets while the application is being dialled is a reset there too.
    downstream.once(
      "close",
      this.#contain("downstream-close", () => this.#onDownstreamClose()),
    );
  }

  /** Ends both sides with a reset: a cut must not pass for the end of the data. */
  cut(): void {
    resetSocket(this.#upstream);
    this.connection.reset();
  }

  /** A callback of this relay threw. */
  fault(fault: Error): void {
    this.connection.fault(fault);
    resetSocket(this.#upstream);
  }

  /** Called every now and then: ends what was silent or has lived too long. @param nowMs monotonic clock */
  enforceLimits(limits: Limits, nowMs: number): void {
    const bytes = this.connection.bytesIn + this.connection.bytesOut;
    if (bytes !== this.#bytesSeen) {
      this.#bytesSeen = bytes;
      this.#activeAtMs = nowMs;
    }
    const idleLimitMs = this.#halfClosed ? Math.min(limits.idleTimeoutMs, HALF_CLOSED_IDLE_MS) : limits.idleTimeoutMs;
    if (limits.lifetimeMs > 0 && this.connection.ageMs >= limits.lifetimeMs) this.#cut("lifetime-reached");
    else if (nowMs - this.#activeAtMs >= idleLimitMs) this.#cut("idle-timeout");
  }

  #start(): void {
    const downstream = this.connection.socket;
    const upstream = this.#upstream;
    // The caller may have gone while the application was being dialled.
    if (downstream.destroyed) return;
    const onData = (chunk: Buffer): void => {
      const passed = this.#screen === undefined ? chunk : this.#screened(this.#screen, chunk);
      if (passed !== undefined && !upstream.write(passed, releaseOf(passed))) downstream.pause();
    };
    const onDownstreamEnd = (): void => {
      if (this.#screen?.holds === true) {
        this.#refuseTls();
        return;
      }
      this.#halfClosed = true;
      upstream.end();
    };
    const onUpstreamEnd = (): void => {
      this.#halfClosed = true;
      downstream.end();
    };
    downstream.on("data", this.#contain("downstream-data", onData));
    // A caller that has nothing to say may have ended its side while the application was being dialled.
    if (downstream.readableEnded) onDownstreamEnd();
    else downstream.on("end", this.#contain("downstream-end", onDownstreamEnd));
    downstream.on(
      "drain",
      this.#contain("downstream-drain", () => upstream.resume()),
    );
    upstream.on("end", this.#contain("upstream-end", onUpstreamEnd));
    upstream.on(
      "drain",
      this.#contain("upstream-drain", () => downstream.resume()),
    );
  }

  /** @returns what may be passed on */
  #screened(screen: TlsScreen, chunk: Buffer): Buffer | undefined {
    const screened = screen.screen(chunk);
    switch (screened.state) {
      case "clear":
        this.#screen = undefined;
        return screened.bytes;
      case "held":
        return undefined;
      case "tls":
        this.#refuseTls();
        return undefined;
    }
  }

  #refuseTls(): void {
    this.connection.refuseTls();
    this.cut();
  }

  /** Whatever ends the caller's side ends the application's: with a reset, unless both had said their last byte. */
  #onDownstreamClose(): void {
    const upstream = this.#upstream;
    if (!this.connection.socket.readableEnded || !upstream.readableEnded) resetSocket(upstream);
    // It closes by itself once the application has taken what the caller sent last.
    else
      upstream.setTimeout(
        HALF_CLOSED_IDLE_MS,
        this.#contain("upstream-timeout", () => resetSocket(upstream)),
      );
  }

  #contain<Args extends readonly unknown[]>(name: string, callback: (...args: Args) => void): (...args: Args) => void {
    return contain(`relay ${name}`, (fault) => this.fault(fault), callback);
  }

  #cut(end: ConnectionEnd, detail?: string): void {
    this.connection.end(end, detail);
    this.cut();
  }
}
