/** Entry of a data-plane worker: joins the thread to its port and nothing else. */
import { parentPort, workerData } from "node:worker_threads";
import { DataThread } from "./data-thread.ts";
import { CLOSE_CONNECTIONS, type ThreadCommand, type ThreadEvent, type ThreadStart } from "../messages.ts";

if (parentPort === null) throw new Error("thread.ts is started as a worker by the data plane");
const port = parentPort;

const thread = new DataThread(workerData as ThreadStart, (event: ThreadEvent) => port.postMessage(event));
port.on("message", (command: ThreadCommand) => thread.handle(command));
// A worker whose JavaScript has ended still reads its sockets for a moment, and what HTTP/2 callers have sent meanwhile would
// end the whole process: nothing may be left to read.
const closeConnections = (): void => thread.closeConnections();
// oxlint-disable-next-line no-restricted-globals -- as main.ts is that of the process, this is the start of a thread
process.on("uncaughtExceptionMonitor", closeConnections);
// oxlint-disable-next-line no-restricted-globals -- a debugger has no other way to reach it
Object.assign(globalThis, { [CLOSE_CONNECTIONS]: closeConnections });
await thread.listen();
