/**
 * The TCP connections to the API server: one, as long as it speaks HTTP/2, however many watches run. Where it does not
 * (a proxy in between), or is not asked to, a connection each, because over HTTP/1.1 a watch would block everything queued behind it.
 */
import type { EventEmitter } from "node:events";
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
  /** HTTP/1.1 where told, whatever the server offers. */
  readonly http1?: boolean;
  /** Called for every established connection. */
  readonly onConnect: () => void;
}

/** The right to send one request; given back when its response is over. */
export interface RequestSlot {
  readonly client: Client;
  release(): void;
}

/** kube-apiserver allows 100 or more streams; undici would queue what is beyond, behind watches that never end. */
const STREAMS_PER_CONNECTION = 90;
/** Writes come in bursts with long pauses: their connection is a socket of the server's for no longer than that. */
const HTTP1_IDLE_MS = 5_000;

/** One undici client and what is known of its connection. */
interface ApiConnection {
  readonly client: Client;
  state: "idle" | "connecting" | "h2" | "http/1.1";
  /** Settles with the attempt under way. */
  attempt: PromiseWithResolvers<void>;
  /** Connecting has begun. False while undici waits for the request that starts it. */
  dialling: boolean;
  /** Kept until its `close` event, which comes after it is destroyed. */
  socket?: Socket;
  /** The socket of the last attempt, to be destroyed by us: undici lets one that is not connected yet run into its timeout. */
  attempted?: Socket;
  active: number;
  answeredAt: number;
}

export class ApiConnections {
  readonly #options: ApiConnectionsOptions;
  readonly #connections = new Set<ApiConnection>();
  readonly #pingTimer: NodeJS.Timeout;
  #closed = false;

  constructor(options: ApiConnectionsOptions) {
    this.#options = options;
    this.#pingTimer = setInterval(() => this.#endUnanswered(), options.timing.pingIntervalMs);
    this.#pingTimer.unref();
  }

  /** Rejects with the failure of the connection attempt that it had to wait for. */
  async acquire(): Promise<RequestSlot> {
    for (;;) {
      if (this.#closed) throw new ApiFailure("unreachable", "the client is closed");
      const connection = this.#free();
      if (connection !== undefined) return this.#take(connection);
      const connecting = [...this.#connections].find((one) => one.state === "connecting");
      if (connecting === undefined) return this.#take(this.#idle());
      await connecting.attempt.promise;
    }
  }

  /** Open connections right now. */
  get open(): number {
    return [...this.#connections].filter((connection) => connection.state === "h2" || connection.state === "http/1.1")
      .length;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#pingTimer);
    await Promise.all([...this.#connections].map((connection) => endConnection(connection)));
    this.#connections.clear();
  }

  #free(): ApiConnection | undefined {
    for (const connection of this.#connections) {
      if (connection.state === "h2" && connection.active < STREAMS_PER_CONNECTION) return connection;
      if (connection.state === "http/1.1" && connection.active === 0) return connection;
    }
    return undefined;
  }

  #take(connection: ApiConnection): RequestSlot {
    connection.active += 1;
    let held = true;
    return {
      client: connection.client,
      release: () => {
        if (!held) return;
        held = false;
        connection.active -= 1;
        // The request gave up before it was sent, so nobody will connect: let the next one do it.
        if (connection.state === "connecting" && !connection.dialling) {
          connection.state = "idle";
          connection.attempt.resolve();
        }
      },
    };
  }

  /** A client that is about to connect. Whoever comes next waits for the outcome instead of opening another connection. */
  #idle(): ApiConnection {
    const connection =
      [...this.#connections].find((one) => one.state === "idle" && one.active === 0) ?? this.#newConnection();
    this.#connecting(connection);
    return connection;
  }

  #connecting(connection: ApiConnection): void {
    connection.state = "connecting";
    connection.dialling = false;
    connection.attempt = Promise.withResolvers<void>();
    // A failed attempt is reported by the request that made it; where nobody else waits, the rejection would be unhandled.
    connection.attempt.promise.catch(() => {});
  }

  #newConnection(): ApiConnection {
    const { credentials, timing, http1 = false } = this.#options;
    const client = new Client(credentials.server.origin, {
      connect: (options, callback) => void this.#connect(connection, options, callback),
      allowH2: !http1,
      h2Options: { pingInterval: timing.pingIntervalMs, maxConcurrentStreams: STREAMS_PER_CONNECTION + 10 },
      pipelining: 1,
      keepAliveTimeout: http1 ? HTTP1_IDLE_MS : 60_000,
    });
    const connection: ApiConnection = {
      client,
      state: "idle",
      attempt: Promise.withResolvers<void>(),
      dialling: false,
      active: 0,
      answeredAt: 0,
    };
    onPingAnswered(client, () => {
      connection.answeredAt = performance.now();
    });
    this.#connections.add(connection);
    return connection;
  }

  /** Reads the trust anchors anew for every connection, so a rotated CA needs no restart. */
  async #connect(
    connection: ApiConnection,
    options: buildConnector.Options,
    callback: buildConnector.Callback,
  ): Promise<void> {
    if (connection.state !== "connecting") this.#connecting(connection);
    connection.dialling = true;
    const { credentials, timing, http1 = false } = this.#options;
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
        allowH2: !http1,
        preferH2: !http1,
        maxCachedSessions: 0,
        timeout: timing.connectTimeoutMs,
        keepAlive: true,
        keepAliveInitialDelay: 30_000,
      });
      if (this.#closed) throw new ApiFailure("unreachable", "the client is closed");
      // undici's types do not say that a connector returns the socket that it dials with.
      connection.attempted = connector(options, (error, socket) => {
        if (error === null) {
          this.#connected(connection, socket);
          callback(null, socket);
        } else {
          this.#failed(connection, error, callback);
        }
      }) as unknown as Socket;
    } catch (error) {
      this.#failed(connection, error as Error, callback);
    }
  }

  #connected(connection: ApiConnection, socket: Socket | TLSSocket): void {
    connection.state = "alpnProtocol" in socket && socket.alpnProtocol === "h2" ? "h2" : "http/1.1";
    connection.socket = socket;
    connection.answeredAt = performance.now();
    socket.once("close", () => {
      if (connection.socket !== socket) return;
      connection.state = "idle";
      delete connection.socket;
    });
    this.#options.onConnect();
    connection.attempt.resolve();
  }

  #failed(connection: ApiConnection, error: Error, callback: buildConnector.Callback): void {
    connection.state = "idle";
    connection.attempt.reject(failureOfError(error));
    callback(error, null);
  }

  /** A stopped server or a silently dropped route leaves the socket open; only an unanswered ping shows it. */
  #endUnanswered(): void {
    const { pingDeadlineMs } = this.#options.timing;
    for (const connection of this.#connections) {
      const silentMs = performance.now() - connection.answeredAt;
      if (connection.state !== "h2" || silentMs <= pingDeadlineMs) continue;
      this.#connections.delete(connection);
      void endConnection(
        connection,
        new ApiFailure("stalled", `no answer to an HTTP/2 ping for ${String(Math.round(silentMs / 1_000))} s`),
      );
    }
  }
}

/** By an event of undici's that its types do not know. */
function onPingAnswered(client: EventEmitter, told: () => void): void {
  client.on("ping", told);
}

/**
 * The socket first, its client once the socket is closed. A client that is destroyed before has undici 8.12 do three things: throw
 * its assertion out of the socket's event and leave requests unsettled, emit its own error on streams that nobody listens to,
 * and allocate without end.
 * @param failure of the requests under way
 */
async function endConnection({ client, state, attempted, socket }: ApiConnection, failure?: ApiFailure): Promise<void> {
  if (state === "connecting") attempted?.destroy();
  else if (socket !== undefined) {
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.destroy(failure);
    await closed;
  }
  await client.destroy(failure ?? null);
}
