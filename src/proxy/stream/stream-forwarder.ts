/** `stream` forwarding: the bytes of a connection are copied as they are, whatever they mean. */
import { performance } from "node:perf_hooks";
import type { Limits } from "../../config/config.ts";
import { faultIn } from "../forward/boundary.ts";
import type { Connection, Forwarder } from "../forward/forwarder.ts";
import { ReadBuffers } from "../forward/read-buffers.ts";
import { Relay } from "./relay.ts";

/** Longest interval between two looks at the idle and lifetime limits, which are that much coarse. */
const SWEEP_MS = 1_000;

/** Relays of one thread, over all backends. */
export class StreamForwarder implements Forwarder {
  readonly #limits: Limits;
  readonly #buffers = new ReadBuffers();
  readonly #relays = new Map<Connection, Relay>();

  constructor(limits: Limits) {
    this.#limits = limits;
    setInterval(() => this.#enforceLimits(), sweepIntervalMs(limits)).unref();
  }

  serve(connection: Connection): void {
    connection.socket.once("close", () => this.#relays.delete(connection));
    this.#relays.set(connection, new Relay(connection, this.#limits, this.#buffers, performance.now()));
  }

  revoke(connection: Connection): void {
    this.#relays.get(connection)?.cut();
  }

  /** A stream cannot be told of the drain: it goes on until it ends or the deadline of the drain cuts it. */
  drain(): void {}

  #enforceLimits(): void {
    const nowMs = performance.now();
    for (const relay of this.#relays.values()) {
      try {
        relay.enforceLimits(this.#limits, nowMs);
      } catch (thrown) {
        relay.fault(faultIn("relay limits", thrown));
      }
    }
  }
}

function sweepIntervalMs(limits: Limits): number {
  const shortestMs = limits.lifetimeMs > 0 ? Math.min(limits.idleTimeoutMs, limits.lifetimeMs) : limits.idleTimeoutMs;
  return Math.max(10, Math.min(SWEEP_MS, shortestMs / 4));
}
