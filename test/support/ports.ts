/** Ports for processes that must be told theirs. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function freePort(): Promise<number> {
  const [port = assertNever()] = await freePorts(1);
  return port;
}

function assertNever(): never {
  throw new Error("no port");
}
