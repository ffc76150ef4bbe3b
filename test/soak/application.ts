/** The application of a long run: keeps nothing of what it was asked. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTcpServer, type AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

const BLOCK = Buffer.alloc(16_384, "x");

function answer(request: IncomingMessage, response: ServerResponse): void {
  switch (request.url) {
    case "/echo":
      request.pipe(response);
      break;
    case "/events": {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const timer = setInterval(() => response.write("data: tick\n\n"), 100);
      response.once("close", () => clearInterval(timer));
      break;
    }
    case "/endless": {
      const fill = (): void => {
        while (!response.destroyed && response.write(BLOCK)) continue;
      };
      response.on("drain", fill);
      fill();
      break;
    }
    default:
      response.end("small");
  }
}

export interface SoakApplication extends Disposable {
  readonly http: number;
  readonly stream: number;
}

export async function startSoakApplication(): Promise<SoakApplication> {
  const http = createServer(answer);
  const sockets = new WebSocketServer({ server: http });
  sockets.on("connection", (socket) => {
    socket.on("error", () => undefined);
    socket.on("message", (data) => socket.send(data));
  });
  const stream = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.pipe(socket);
  });
  const port = async (server: typeof stream): Promise<number> => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  };
  return {
    http: await port(http),
    stream: await port(stream),
    [Symbol.dispose]: () => {
      http.closeAllConnections();
      http.close();
      stream.close();
    },
  };
}
