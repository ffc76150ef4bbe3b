/** What a Service does in front of replicas: new connections go to the current endpoint, open ones stay where they are. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class Switchboard implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  target: number;

  private constructor(target: number) {
    this.target = target;
    this.#server = createServer({ allowHalfOpen: true }, (downstream) => {
      const upstream = connect({ host: "127.0.0.1", port: this.target, allowHalfOpen: true });
      for (const [socket, other] of [
        [downstream, upstream],
        [upstream, downstream],
      ] as const) {
        this.#sockets.add(socket);
        socket.setNoDelay(true);
        socket.pipe(other);
        socket.on("error", () => other.resetAndDestroy());
        socket.once("close", () => this.#sockets.delete(socket));
      }
    });
  }

  static async start(target: number): Promise<Switchboard> {
    const board = new Switchboard(target);
    board.#server.listen(0, "127.0.0.1");
    await once(board.#server, "listening");
    return board;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
