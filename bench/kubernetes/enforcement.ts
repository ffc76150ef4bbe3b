/**
 * When a change is enforced, seen from outside: live connections in every data thread lose their right, and the clock stops
 * when the last of them is closed. Nothing that the sidecar says of itself is part of the time.
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "../../test/support/caller/caller.ts";
import type { TestSidecar } from "../../test/support/process/sidecar.ts";
import { HTTP_PORT, STREAM_PORT, type Change } from "./changes.ts";

export const THREADS = 2;
/** To each backend port. */
const CONNECTIONS = 4;
const PATIENCE_MS = 20_000;
const SPREAD_ATTEMPTS = 20;

export interface Sample {
  /** From the moment that the write was sent. */
  readonly sinceSentMs: number;
  /** From the moment that the server had answered it; negative when Postern was faster. */
  readonly sinceAnsweredMs: number;
}

/** Gives the right, opens connections to all threads by it, takes it away and waits for their end. */
export async function sample(sidecar: TestSidecar, change: Change): Promise<Sample> {
  await change.give();
  await inForce(sidecar, change.address);
  const sockets = await connectAll(sidecar, change.address);
  const closed = Promise.all(sockets.map(ending)).then(() => performance.now());
  const sentAt = performance.now();
  const answered = change.take().then(() => performance.now());
  const [closedAt, answeredAt] = await within(Promise.all([closed, answered]), change.title);
  for (const socket of sockets) socket.destroy();
  return { sinceSentMs: closedAt - sentAt, sinceAnsweredMs: closedAt - answeredAt };
}

/** Until every thread lets the address in. */
export async function inForce(sidecar: TestSidecar, address: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    const { verdict } = await sidecar.adminJson<{ readonly verdict: string }>(
      `/explain?port=${HTTP_PORT}&from=${address}`,
    );
    const text = await (await sidecar.admin("/metrics")).text();
    const [version, applied] = ["", "_applied"].map(
      (part) => new RegExp(`^postern_snapshot${part}_version (\\d+)$`, "m").exec(text)?.[1],
    );
    if (verdict === "forward" && version === applied) return;
    await delay(5);
  }
  throw new Error(`${address} was not let in within ${PATIENCE_MS} ms`);
}

/** Until each thread has at least one of them: the kernel spreads connections by chance. */
async function connectAll(sidecar: TestSidecar, from: string): Promise<readonly Socket[]> {
  for (let attempt = 0; attempt < SPREAD_ATTEMPTS; attempt += 1) {
    const ports = [HTTP_PORT, STREAM_PORT].flatMap((port) => Array.from({ length: CONNECTIONS }, () => port));
    const sockets = await Promise.all(ports.map((port) => openAndUse(sidecar.port(port), from)));
    const { connections } = await sidecar.adminJson<{ readonly connections: readonly { readonly thread: number }[] }>(
      "/connections",
    );
    if (new Set(connections.map(({ thread }) => thread)).size === THREADS) return sockets;
    for (const socket of sockets) socket.destroy();
  }
  throw new Error("the connections do not spread over the threads");
}

/** A connection with one request behind it: the HTTP backend keeps it alive, the other carries it as a stream. */
async function openAndUse(port: number, from: string): Promise<Socket> {
  const socket = await connect({ port, from });
  socket.on("error", () => undefined);
  socket.write("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  await once(socket, "data");
  return socket;
}

/** A kept connection is ended in order, a stream is reset: either is the end. */
function ending(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => {
    for (const event of ["end", "close"]) socket.once(event, () => resolve());
  });
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not enforced within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
