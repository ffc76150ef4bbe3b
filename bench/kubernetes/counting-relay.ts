/** A TCP relay that counts what passes: the bytes on the wire, with TLS and framing. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class CountingRelay implements AsyncDisposable {
  /** From the server to the client. */
  downBytes = 0;
  /** From the client to the server. */
  upBytes = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const upstream = connect({ port: target, host: "127.0.0.1" });
      this.#join(client, upstream, (bytes) => (this.upBytes += bytes));
      this.#join(upstream, client, (bytes) => (this.downBytes += bytes));
    });
  }

  /** @param target port on 127.0.0.1 */
  static async open(target: number): Promise<CountingRelay> {
    const relay = new CountingRelay(target);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(from: Socket, to: Socket, count: (bytes: number) => void): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on("data", (chunk) => count(chunk.length));
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.once("close", () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
