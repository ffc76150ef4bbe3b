/**
 * Ports that a process of a test can bind in a moment. They lie below the range that the system takes for outgoing
 * connections, of which other tests make thousands meanwhile.
 */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

const FIRST = 12_000;
const LAST = 32_000;

/** Free on every address a moment ago, and given to no other test process as long as this one lives. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(FIRST, LAST);
    if ((await reserve(port)) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

/**
 * Test files run beside each other, and even the look whether a port is free takes it for a moment. An abstract socket is a
 * lock that belongs to the network namespace, as ports do, and that the kernel gives back when its process dies.
 */
async function reserve(port: number): Promise<boolean> {
  if (process.platform !== "linux") return true;
  const lock = await listen(`\0postern-test-port-${port}`);
  lock?.unref();
  return lock !== undefined;
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen(port);
  if (server === undefined) return false;
  server.close();
  await once(server, "close");
  return true;
}

async function listen(where: number | string): Promise<Server | undefined> {
  const server = createServer();
  try {
    server.listen(where);
    await once(server, "listening");
    return server;
  } catch {
    return undefined;
  }
}
