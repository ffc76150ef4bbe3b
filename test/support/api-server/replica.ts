/** A replica as a process of its own: the Kubernetes source with the compiler behind it. Ends with the test that started it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Follower } from "./follower.ts";
import { HeldCredentials } from "./test-cluster.ts";

export interface ReplicaOptions {
  readonly credentials: HeldCredentials;
  readonly podName: string;
  /** See `KubernetesDiscoveryOptions`. */
  readonly leaseDurationMs: number;
}

export class Replica implements AsyncDisposable {
  readonly podName: string;
  readonly #child: ChildProcess;

  private constructor(podName: string, child: ChildProcess) {
    this.podName = podName;
    this.#child = child;
  }

  /** Returns when its first world is in force. */
  static async start({ credentials, podName, leaseDurationMs }: ReplicaOptions): Promise<Replica> {
    const { server, token, ca } = credentials;
    const told = JSON.stringify({ port: Number(server.port), token, ca, podName, leaseDurationMs });
    const child = spawn(process.execPath, [import.meta.filename, told], { stdio: ["pipe", "pipe", "inherit"] });
    const replica = new Replica(podName, child);
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), "line"),
      once(child, "exit"),
    ])) as unknown[];
    if (line !== IN_FORCE) throw new Error(`${podName} did not start: ${String(line)}`);
    return replica;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }
}

const IN_FORCE = "in force";

async function run(told: string): Promise<void> {
  const { port, token, ca, podName, leaseDurationMs } = JSON.parse(told) as {
    readonly port: number;
    readonly token: string;
    readonly ca: string;
    readonly podName: string;
    readonly leaseDurationMs: number;
  };
  process.stdin.resume().once("end", () => process.exit());
  const follower = new Follower({ credentials: new HeldCredentials(port, token, ca), podName, leaseDurationMs });
  await follower.start();
  await follower.until("the first world", () => follower.worlds.length > 0, 60_000);
  console.log(IN_FORCE);
}

if (import.meta.main) await run(process.argv[2] ?? "");
