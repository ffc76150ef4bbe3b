/** A port of 127.0.0.1 on which no connection is established: its queue is full and nobody accepts. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";

const LISTENER = `
const { createServer } = require("node:net");
const { parentPort, workerData } = require("node:worker_threads");
const server = createServer().listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  parentPort.once("message", () => Atomics.wait(workerData, 0, 0));
});
`;

export interface Unanswering extends AsyncDisposable {
  readonly port: number;
}

export async function startUnanswering(): Promise<Unanswering> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(LISTENER, { eval: true, workerData: gate });
  const [port] = (await once(worker, "message")) as [number];
  worker.postMessage("block");
  const waiting: Socket[] = [];
  // Beyond its length and one more the kernel drops what asks to be queued.
  for (let index = 0; index < 8; index += 1)
    waiting.push(connect({ host: "127.0.0.1", port }).on("error", () => undefined));
  await Promise.all(waiting.slice(0, 2).map((socket) => once(socket, "connect")));
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of waiting) socket.destroy();
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
      await worker.terminate();
    },
  };
}
