/** Applications that do, by path or by the first byte, what makes a certain callback of the data plane be called. */
import { once } from "node:events";
import { createServer as createHttp2Server } from "node:http2";
import type { Socket } from "node:net";
import { WebSocketServer } from "ws";
import { startApplication, TestApplication } from "./application.ts";

const BULK = Buffer.alloc(8 * 1024 * 1024, "b");

/** Writes a line to each response of /neighbour that is under way. */
const neighbours: ((line: string) => void)[] = [];

export function tick(line: string): void {
  for (const write of neighbours) write(line);
}

/** By path: /neighbour goes on, a line for each `tick`; /hold never answers. */
export async function startProvokingHttp(): Promise<TestApplication> {
  const application = await startApplication((request, response) => {
    switch (request.url) {
      case "/neighbour":
        response.write("first\n");
        neighbours.push((line) => response.write(line));
        return;
      case "/hold":
        return;
      case "/reset":
        request.socket.resetAndDestroy();
        return;
      case "/leave":
        request.socket.end();
        return;
      case "/bulk":
        response.end(BULK);
        return;
      case "/early":
        response.end("early");
        return;
      case "/trailers":
        response.writeHead(200, { trailer: "x-last" });
        response.addTrailers({ "x-last": "1" });
        response.end("body");
        return;
      case "/slow":
        for (let step = 1; step <= 12; step += 1) setTimeout(() => response.write(`${step}\n`), step * 250);
        setTimeout(() => response.end(), 13 * 250);
        return;
      case "/later":
        response.write("one");
        setTimeout(() => response.end("two"), 50);
        return;
      default:
        request.resume();
        response.end("ok");
    }
  });
  const sockets = new WebSocketServer({ noServer: true });
  application.server.on("upgrade", (request, socket: Socket, head: Buffer) => {
    if (request.url === "/hold") return;
    if (request.url === "/refuse") {
      socket.write("HTTP/1.1 403 Forbidden\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", () => undefined);
      webSocket.on("message", (data) => webSocket.send(data));
      if (request.url === "/leave") webSocket.close();
    });
  });
  return application;
}

/** By path: /reset cuts the newest connection, which is the one that a row has opened. */
export async function startProvokingH2c(): Promise<TestApplication> {
  let newest: Socket | undefined;
  const server = createHttp2Server();
  const application = new TestApplication(server);
  // With a listener for requests Node answers streams by itself, and sends their trailers in its own way.
  server.removeAllListeners("stream");
  server.on("connection", (socket: Socket) => (newest = socket));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    switch (headers[":path"]) {
      case "/hold":
        return;
      case "/goodbye":
        stream.session?.close();
        return;
      case "/reset":
        newest?.resetAndDestroy();
        return;
      case "/trailers":
        stream.respond({ ":status": 200 }, { waitForTrailers: true });
        stream.once("wantTrailers", () => stream.sendTrailers({ "x-last": "1" }));
        stream.end("body");
        return;
      case "/late":
        setTimeout(() => stream.resume(), 100);
        stream.once("end", () => {
          if (stream.destroyed) return;
          stream.respond({ ":status": 200 });
          stream.end("ok");
        });
        return;
      default:
        stream.resume();
    }
    stream.additionalHeaders({ ":status": 103, link: "</a.css>; rel=preload" });
    stream.respond({ ":status": 200 });
    stream.end("ok");
  });
  server.on("session", (session) => session.on("error", () => undefined));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return application;
}

/** By the first byte: B sends bulk, S reads slowly, R resets; everything is sent back. */
export function provokeStream(socket: Socket): void {
  socket.once("data", (first: Buffer) => {
    if (first[0] === 82) socket.resetAndDestroy();
    else if (first[0] === 66) socket.end(BULK);
    else if (first[0] === 83) {
      socket.pause();
      setTimeout(() => socket.resume(), 100);
    } else {
      socket.write(first);
      socket.on("data", (chunk: Buffer) => socket.write(chunk));
    }
  });
  socket.on("end", () => socket.end());
}
