/** Entry of a data-plane worker: joins the thread to its port, and closes its connections where a fault ends it. */
import { parentPort } from "node:worker_threads";
import { DataThread } from "./data-thread.ts";
import { CLOSE_CONNECTIONS, type ThreadEvent, type ThreadMessage, type ThreadStart } from "../messages.ts";

if (parentPort === null) throw new Error("thread.ts is started as a worker by the data plane");
const port = parentPort;

let thread: DataThread | undefined;
port.on("message", (message: ThreadMessage) => {
  if (message.kind === "start") void start(message.start);
  else thread?.handle(message);
});

async function start(given: ThreadStart): Promise<void> {
  thread = new DataThread(given, (event: ThreadEvent) => port.postMessage(event));
  await thread.listen();
}

// A worker whose JavaScript has ended still reads its sockets for a moment, and what HTTP/2 callers have sent meanwhile would
// end the whole process: nothing may be left to read.
const closeConnections = (): void => thread?.closeConnections();
// oxlint-disable-next-line no-restricted-globals -- as main.ts is that of the process, this is the start of a thread
process.on("uncaughtExceptionMonitor", closeConnections);
// oxlint-disable-next-line no-restricted-globals -- a debugger has no other way to reach it
Object.assign(globalThis, { [CLOSE_CONNECTIONS]: closeConnections });
