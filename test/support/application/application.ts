/** An application on 127.0.0.1 that remembers what reached it. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly rawHeaders: readonly string[];
}

export class TestApplication implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  /** Connections that were ever accepted. */
  connections = 0;
  readonly sockets = new Set<Socket>();
  readonly server: Server | TcpServer;

  constructor(server: Server | TcpServer) {
    this.server = server;
    server.on("connection", (socket: Socket) => {
      this.connections += 1;
      this.sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => this.sockets.delete(socket));
    });
    server.on("request", ({ method = "", url = "", headers, rawHeaders }: IncomingMessage) =>
      this.requests.push({ method, url, headers, rawHeaders }),
    );
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Answers 200 with the path as its body unless told otherwise. */
export async function startApplication(listener?: RequestListener): Promise<TestApplication> {
  const server = createServer(listener ?? ((request, response) => response.end(`you asked for ${request.url}\n`)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new TestApplication(server);
}

export async function startTcpApplication(onSocket: (socket: Socket) => void): Promise<TestApplication> {
  const server = createTcpServer({ allowHalfOpen: true }, onSocket).listen(0, "127.0.0.1");
  await once(server, "listening");
  return new TestApplication(server);
}
