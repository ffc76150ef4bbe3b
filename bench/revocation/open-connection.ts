/** One caller's connection, kept alive: opened again until a request on it is answered with 200. */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type ConnectionOptions, type SecureContext, type TLSSocket } from "node:tls";
import { BODY } from "../load/application/application.ts";
import { SERVER_NAME } from "./mesh.ts";

export const REQUEST = "GET / HTTP/1.1\r\nHost: foo.test\r\n\r\n";
/** A right that was given a moment ago may not be in force in every thread. */
const PATIENCE_MS = 20_000;
const RETRY_MS = 100;

export interface Way {
  readonly port: number;
  /** Address on this machine that the caller has. */
  readonly from: string;
  readonly context: SecureContext;
}

/** @throws when no connection is admitted in time */
export async function openConnection(way: Way): Promise<TLSSocket> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const outcome = await attempt(way).catch((error: unknown) => String(error));
    if (typeof outcome !== "string") return outcome;
    if (performance.now() > deadline) throw new Error(`no connection from ${way.from} is admitted: ${outcome}`);
    await delay(RETRY_MS);
  }
}

/** Whether these are the last bytes of a response of the application. */
export function endsResponse(bytes: Buffer): boolean {
  return bytes.toString("latin1").endsWith(BODY);
}

async function attempt({ port, from, context }: Way): Promise<TLSSocket> {
  // Callers are on other machines: what a close costs them must not be seen here, so they leave their side open for a while.
  const address = { host: "127.0.0.1", port, localAddress: from, allowHalfOpen: true };
  const socket = connect({ ...address, servername: SERVER_NAME, secureContext: context } as ConnectionOptions);
  socket.on("error", () => undefined);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    await once(socket, "secureConnect", { signal });
    socket.write(REQUEST);
    const [bytes] = (await Promise.race([
      once(socket, "data", { signal }),
      once(socket, "close", { signal }).then(() => [Buffer.from("it was closed")]),
    ])) as [Buffer];
    if (endsResponse(bytes)) return socket;
    throw new Error(bytes.toString("latin1").slice(0, 40));
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
