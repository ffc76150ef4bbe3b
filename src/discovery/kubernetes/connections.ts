/**
 * The TCP connections to the API server: one, as long as it speaks HTTP/2, however many watches run. Where it does not
 * (a proxy in between), a connection each, because over HTTP/1.1 a watch would block everything queued behind it.
 */
import { Client, buildConnector } from "undici";
import type { TLSSocket } from "node:tls";
import type { Socket } from "node:net";
import type { ApiCredentials } from "./credentials.ts";
import { ApiFailure, failureOfError } from "./failure.ts";

export interface ConnectionTiming {
  readonly connectTimeoutMs: number;
  /** Between two HTTP/2 pings. */
  readonly pingIntervalMs: number;
  /** Silence after which a connection whose pings stay unanswered is given up. */
  readonly pingDeadlineMs: number;
}

export interface ApiConnectionsOptions {
  readonly credentials: ApiCredentials;
  readonly timing: ConnectionTiming;
  /** Called for every established connection. */
  readonly onConnect: () => void;
}

/** The right to send one request; given back when its response is over. */
export interface ConnectionLease {
  readonly client: Client;
  release(): void;
}

/** kube-apiserver allows 100 or more streams; undici would queue what is beyond, behind watches that never end. */
const STREAMS_PER_CONNECTION = 90;

/** One undici client and what is known of its connection. */
interface Line {
  readonly client: Client;
  state: "idle" | "connecting" | "h2" | "http/1.1";
  /** Settles with the attempt under way. */
  attempt: PromiseWithResolvers<void>;
  /** The attempt was begun, not merely promised to a request. */
  dialling: boolean;
  socket?: Socket;
  /** The socket of the last attempt; undici leaves one that is not connected yet to its timeout. */
  dialled?: Socket;
  active: number;
  heardAt: number;
}

export class ApiConnections {
  readonly #options: ApiConnectionsOptions;
  readonly #lines = new Set<Line>();
  readonly #pulse: NodeJS.Timeout;
  #closed = false;

  constructor(options: ApiConnectionsOptions) {
    this.#options = options;
    this.#pulse = setInterval(() => this.#endUnanswered(), options.timing.pingIntervalMs);
    this.#pulse.unref();
  }

  /** Rejects with the failure of the connection attempt that it had to wait for. */
  async lease(): Promise<ConnectionLease> {
    for (;;) {
      if (this.#closed) throw new ApiFailure("unreachable", "the client is closed");
      const line = this.#free();
      if (line !== undefined) return this.#take(line);
      const connecting = [...this.#lines].find((one) => one.state === "connecting");
      if (connecting === undefined) return this.#take(this.#idle());
      await connecting.attempt.promise;
    }
  }

  /** Open connections right now. */
  get open(): number {
    return [...this.#lines].filter((line) => line.state === "h2" || line.state === "http/1.1").length;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#pulse);
    for (const line of this.#lines) line.dialled?.destroy();
    await Promise.all([...this.#lines].map((line) => line.client.destroy()));
    this.#lines.clear();
  }

  #free(): Line | undefined {
    for (const line of this.#lines) {
      if (line.state === "h2" && line.active < STREAMS_PER_CONNECTION) return line;
      if (line.state === "http/1.1" && line.active === 0) return line;
    }
    return undefined;
  }

  #take(line: Line): ConnectionLease {
    line.active += 1;
    let held = true;
    return {
      client: line.client,
      release: () => {
        if (!held) return;
        held = false;
        line.active -= 1;
        // The request gave up before it was sent, so nobody will dial: let the next one do it.
        if (line.state === "connecting" && !line.dialling) {
          line.state = "idle";
          line.attempt.resolve();
        }
      },
    };
  }

  /** A line without a connection, about to make one: whoever comes next waits for the outcome instead of opening another. */
  #idle(): Line {
    const line = [...this.#lines].find((one) => one.state === "idle" && one.active === 0) ?? this.#newLine();
    this.#connecting(line);
    return line;
  }

  #connecting(line: Line): void {
    line.state = "connecting";
    line.dialling = false;
    line.attempt = Promise.withResolvers<void>();
    // A failed attempt is reported by the request that made it; here it may have no other audience.
    line.attempt.promise.catch(() => {});
  }

  #newLine(): Line {
    const { credentials, timing } = this.#options;
    const client = new Client(credentials.server.origin, {
      connect: (options, callback) => void this.#connect(line, options, callback),
      allowH2: true,
      h2Options: { pingInterval: timing.pingIntervalMs, maxConcurrentStreams: STREAMS_PER_CONNECTION + 10 },
      pipelining: 1,
      keepAliveTimeout: 60_000,
    });
    const line: Line = {
      client,
      state: "idle",
      attempt: Promise.withResolvers<void>(),
      dialling: false,
      active: 0,
      heardAt: 0,
    };
    client.on("ping" as "drain", () => {
      line.heardAt = performance.now();
    });
    this.#lines.add(line);
    return line;
  }

  /** Reads the trust anchors anew for every connection, so a rotated CA needs no restart. */
  async #connect(line: Line, options: buildConnector.Options, callback: buildConnector.Callback): Promise<void> {
    if (line.state !== "connecting") this.#connecting(line);
    line.dialling = true;
    const { credentials, timing } = this.#options;
    try {
      const tls = await credentials.tls().catch((error: unknown) => {
        throw new ApiFailure(
          "credentials",
          `cannot read the API server's CA (${credentials.origin}): ${String(error)}`,
          { cause: error },
        );
      });
      const connector = buildConnector({
        ...tls,
        allowH2: true,
        preferH2: true,
        maxCachedSessions: 0,
        timeout: timing.connectTimeoutMs,
        keepAlive: true,
        keepAliveInitialDelay: 30_000,
      });
      if (this.#closed) throw new ApiFailure("unreachable", "the client is closed");
      // undici's types do not say that a connector returns the socket that it dials with.
      line.dialled = connector(options, (error, socket) => {
        if (error === null) {
          this.#connected(line, socket);
          callback(null, socket);
        } else {
          this.#failed(line, error, callback);
        }
      }) as unknown as Socket;
    } catch (error) {
      this.#failed(line, error as Error, callback);
    }
  }

  #connected(line: Line, socket: Socket | TLSSocket): void {
    line.state = "alpnProtocol" in socket && socket.alpnProtocol === "h2" ? "h2" : "http/1.1";
    line.socket = socket;
    line.heardAt = performance.now();
    socket.once("close", () => {
      if (line.socket !== socket) return;
      line.state = "idle";
      delete line.socket;
    });
    this.#options.onConnect();
    line.attempt.resolve();
  }

  #failed(line: Line, error: Error, callback: buildConnector.Callback): void {
    line.state = "idle";
    line.attempt.reject(failureOfError(error));
    callback(error, null);
  }

  /** A stopped server or a silently dropped route leaves the socket open and quiet; only an unanswered ping tells. */
  #endUnanswered(): void {
    const { pingDeadlineMs } = this.#options.timing;
    for (const line of this.#lines) {
      const silentMs = performance.now() - line.heardAt;
      if (line.state !== "h2" || silentMs <= pingDeadlineMs) continue;
      this.#lines.delete(line);
      const failure = new ApiFailure(
        "stalled",
        `no answer to an HTTP/2 ping for ${String(Math.round(silentMs / 1_000))} s`,
      );
      void line.client.destroy(failure);
    }
  }
}
