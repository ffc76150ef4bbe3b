/**
 * The least that can close connections on this runtime: threads that end mTLS, answer every request themselves, and close
 * the connections of one name when they are told to. No policy, no records, no application. Started by `subject.ts`.
 */
import { createServer } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { BODY } from "../load/application/application.ts";

export interface BareOrder {
  readonly id: number;
  readonly order: BareListen | { readonly kind: "close" };
}

export interface BareListen {
  readonly kind: "listen";
  readonly port: number;
  readonly threads: number;
  readonly certPem: string;
  readonly keyPem: string;
  readonly caPem: string;
  /** Of the connections that are to be closed later. */
  readonly leaving: string;
}

const RESPONSE = `HTTP/1.1 200 OK\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;
/** As Postern does it: longest time that closing keeps the thread from serving. */
const SLICE_MS = 0.5;
const ignore = (): void => undefined;

function listen({ port, certPem, keyPem, caPem, leaving }: BareListen): void {
  const secureContext = createSecureContext({ cert: certPem, key: keyPem, ca: caPem });
  const closing = new Set<TLSSocket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (raw) => {
    const socket = new TLSSocket(raw, { isServer: true, secureContext, requestCert: true, rejectUnauthorized: false });
    for (const one of [raw, socket]) one.on("error", ignore);
    socket.on("data", () => socket.write(RESPONSE));
    socket.on("secure", () => {
      if (!(socket.getPeerCertificate().subjectaltname ?? "").includes(leaving)) return;
      closing.add(socket);
      socket.once("close", () => closing.delete(socket));
    });
  });
  server.listen({ host: "127.0.0.1", port, reusePort: true }, () => parentPort?.postMessage("listening"));
  parentPort?.on("message", () => closeInSlices([...closing].values()));
}

function closeInSlices(sockets: IterableIterator<TLSSocket>): void {
  const until = performance.now() + SLICE_MS;
  for (const socket of sockets) {
    socket.destroySoon();
    if (performance.now() < until) continue;
    setImmediate(() => closeInSlices(sockets));
    return;
  }
}

if (isMainThread) {
  const threads: Worker[] = [];
  const obey = async ({ order }: BareOrder): Promise<object> => {
    if (order.kind === "close") for (const thread of threads) thread.postMessage("close");
    else {
      for (let index = 0; index < order.threads; index += 1)
        threads.push(new Worker(new URL(import.meta.url), { workerData: order }));
      await Promise.all(threads.map((thread) => once(thread, "message")));
    }
    return {};
  };
  process.on("message", (message: BareOrder) => {
    void obey(message)
      .catch((error: unknown) => ({ failure: String(error) }))
      .then((answer) => process.send?.({ id: message.id, ...answer }));
  });
  process.once("disconnect", () => process.exit(0));
} else listen(workerData as BareListen);
