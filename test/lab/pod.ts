/** The pod: an application that knows of nothing, rules that redirect its port, and the sidecar, in one namespace. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { LogLines, type LogLine } from "../support/process/log-lines.ts";
import { Caller } from "./caller-handle.ts";
import type { Namespace } from "./network.ts";

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const READY_ATTEMPTS = 200;

/** The address of a line, as people write it: a dual-stack socket reports IPv4 as a mapped address. */
export function addressOf(line: LogLine): string {
  return String(line["address"]).replace(/^::ffff:(?=\d+\.)/, "");
}

/** Ends what was started, newest first. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

export class Pod implements AsyncDisposable {
  readonly namespace: Namespace;
  /** A caller inside, for what listens on loopback. */
  readonly inside: Caller;
  readonly directory = mkdtempSync(join(tmpdir(), "postern-pod-"));
  #applications: ChildProcess[] = [];
  #sidecar: { readonly child: ChildProcess; readonly log: LogLines } | undefined;

  constructor(namespace: Namespace) {
    this.namespace = namespace;
    this.inside = new Caller(namespace);
  }

  get log(): LogLines {
    if (this.#sidecar === undefined) throw new Error("the sidecar was not started");
    return this.#sidecar.log;
  }

  /** @param addresses `0.0.0.0:80`, `[::]:80` */
  async serve(...addresses: readonly string[]): Promise<void> {
    const child = this.namespace.spawn(process.execPath, [join(import.meta.dirname, "application.ts"), ...addresses], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#applications.push(child);
    for (let told = ""; told.split("listens on").length <= addresses.length;)
      told += String((await once(child.stdout!, "data"))[0]);
  }

  async stopServing(): Promise<void> {
    for (const child of this.#applications) await end(child);
    this.#applications = [];
  }

  /** `postern redirect` in the pod's network. @returns its words */
  async redirect(...argv: readonly string[]): Promise<string> {
    return this.namespace.run(process.execPath, MAIN, "redirect", ...argv);
  }

  /** `postern run`; resolves when it is ready. */
  async startSidecar(...argv: readonly string[]): Promise<void> {
    const child = this.namespace.spawn(process.execPath, [MAIN, "run", "--workers=1", "--drain-delay=0s", ...argv], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const log = new LogLines([child.stdout!, child.stderr!]);
    this.#sidecar = { child, log };
    await log.next({ message: "snapshot published" }, { timeoutMs: 20_000 });
    for (let attempt = 0; attempt < READY_ATTEMPTS; attempt += 1) {
      if ((await this.inside.outcome({ url: "http://127.0.0.1:15000/readyz" })) === 200) return;
      await delay(25);
    }
    throw new Error(`the sidecar did not get ready:\n${log.toString()}`);
  }

  async stopSidecar(): Promise<void> {
    if (this.#sidecar !== undefined) await end(this.#sidecar.child);
    this.#sidecar = undefined;
  }

  /** A page of the admin port. */
  async admin(path: string): Promise<string> {
    const told = await this.inside.ask({ url: `http://127.0.0.1:15000${path}` });
    if ("error" in told) throw new Error(`${path}: ${told.error}`);
    return told.body;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopSidecar();
    await this.stopServing();
    await this.inside[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
