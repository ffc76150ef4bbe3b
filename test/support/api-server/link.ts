/** The connection between client and server, which a test controls: it can be frozen (half-open, as when a host vanishes), cut or taken away. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { resetSocket } from "../../../src/proxy/forward/reset.ts";

/** Of one client: one for what it reads, and one for what it writes. */
export const MOST_CONNECTIONS = 2;

export class Link implements AsyncDisposable {
  readonly #target: () => number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #frozen = false;
  #port = 0;
  /** Whoever connects is reset at once: a server that is away behind a balancer that is there. */
  barred = false;
  /** Connections that were ever accepted. */
  accepted = 0;

  private constructor(target: () => number) {
    this.#target = target;
  }

  /** @param target port on 127.0.0.1 that the server has now */
  static async open(target: () => number): Promise<Link> {
    const link = new Link(target);
    await link.restore();
    return link;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections of clients that are open. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** No byte passes in either direction from here on, and neither side is told. */
  freeze(): void {
    this.#frozen = true;
    for (const socket of this.#sockets) socket.pause();
  }

  thaw(): void {
    this.#frozen = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Resets what is open; new connections are welcome. */
  cut(): void {
    for (const socket of this.#sockets) resetSocket(socket);
  }

  /** Stops listening: connections are refused. */
  async remove(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.cut();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  /** Listens again, on the port of before. */
  async restore(): Promise<void> {
    if (this.#server !== undefined) return;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#join(client));
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }

  #join(client: Socket): void {
    this.accepted += 1;
    if (this.barred) {
      client.resetAndDestroy();
      return;
    }
    const server = connect({ port: this.#target(), host: "127.0.0.1", allowHalfOpen: true });
    const pairs: readonly (readonly [Socket, Socket])[] = [
      [client, server],
      [server, client],
    ];
    for (const [from, to] of pairs) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.pipe(to);
      // The end of either side ends the other, whichever error it was.
      from.on("error", () => to.destroy());
      from.once("close", () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      if (this.#frozen) from.pause();
    }
  }
}
