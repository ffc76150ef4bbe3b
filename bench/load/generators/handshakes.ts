/** New mTLS connections, one request each, from a process of their own. */
import { join } from "node:path";
import { run } from "../processes/pinned-process.ts";
import { GRACE_SECONDS, type CallerCertificate, type GeneratedLoad, type GeneratorRun } from "./generated-load.ts";

export type Handshake = "full" | "resumed";

export interface HandshakeOrder {
  readonly port: number;
  readonly seconds: number;
  readonly handshake: Handshake;
  readonly certificate: CallerCertificate;
}

export async function handshakes(order: HandshakeOrder): Promise<GeneratorRun> {
  const script = join(import.meta.dirname, "handshake-client.ts");
  const args = [script, JSON.stringify(order)];
  const { output, cpuUs } = await run(process.execPath, args, order.seconds + GRACE_SECONDS);
  return { ...(JSON.parse(output) as GeneratedLoad), generator: "Node", generatorCpuUs: cpuUs };
}
