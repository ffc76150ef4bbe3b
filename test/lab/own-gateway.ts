/** nginx or HAProxy in a namespace, with a configuration file as users get it: at the paths and by the names that it says. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlPlaneProcess } from "../cluster/control-plane/process.ts";
import type { Namespace } from "./network.ts";

const CONFIG = join(import.meta.dirname, "../../config/gateways");
/** Of the laboratory's own /run. */
export const SECRETS = "/var/run/secrets/gateway";
const READY_MS = 10_000;

export type Program = "nginx" | "haproxy";

/** What the examples take for granted: a name for the application, a directory with certificates, places to write to. */
export function furnish(application: Namespace): void {
  mkdirSync(SECRETS, { recursive: true });
  const hosts = join(mkdtempSync(join(tmpdir(), "postern-hosts-")), "hosts");
  const name = "cart.shop.svc.cluster.local";
  writeFileSync(hosts, `127.0.0.1 localhost\n${application.ipv4} ${name}\n${application.ipv6} ${name}\n`);
  // These mounts are seen in the laboratory alone.
  execFileSync("mount", ["--bind", hosts, "/etc/hosts"]);
  for (const directory of ["/var/log/nginx", "/var/lib/nginx"])
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", directory]);
}

/** @param file below config/gateways */
export async function startGateway(program: Program, file: string, at: Namespace): Promise<ControlPlaneProcess> {
  const path = join(CONFIG, program, file);
  const globals = `daemon off; pid /run/nginx-${at.name}.pid; error_log stderr;`;
  const command =
    program === "nginx"
      ? at.command("nginx", "-c", path, "-e", "stderr", "-g", globals)
      : at.command("haproxy", "-W", "-db", "-f", path);
  const gateway = new ControlPlaneProcess(`${program} in ${at.name}`, ...command);
  const listens = async (): Promise<boolean> => (await at.run("ss", "-Hltn", "sport = 8080")).includes("8080");
  await gateway.ready(listens, READY_MS);
  return gateway;
}

/** @returns e.g. `1.22.1` */
export function versionOf(program: Program): string {
  const [command, ...args] = program === "nginx" ? ["sh", "-c", "nginx -v 2>&1"] : ["haproxy", "-v"];
  return /\d+\.\d+\.\d+/.exec(execFileSync(command ?? "", args).toString())?.[0] ?? "of unknown version";
}
