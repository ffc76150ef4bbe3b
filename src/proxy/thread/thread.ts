/** Entry of a data-plane worker: joins the thread to its port and nothing else. */
import { parentPort, workerData } from "node:worker_threads";
import { DataThread } from "./data-thread.ts";
import type { ThreadCommand, ThreadEvent, ThreadStart } from "../messages.ts";

if (parentPort === null) throw new Error("thread.ts is started as a worker by the data plane");
const port = parentPort;

const thread = new DataThread(workerData as ThreadStart, (event: ThreadEvent) => port.postMessage(event));
port.on("message", (command: ThreadCommand) => thread.handle(command));
await thread.listen();
