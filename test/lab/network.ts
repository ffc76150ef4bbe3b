/**
 * Network namespaces that hang on one bridge, as pods do on a node. The bridge is in the namespace of the test itself, which
 * plays the node and the control plane. All of it lives in the mount and process namespaces that run.ts makes, so nothing
 * is left when those end, however they end.
 */
import { execFile, spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The node's address: that of the API server, and of the kubelet's probes. */
export const NODE = { ipv4: "10.99.0.1", ipv6: "fd99::1" } as const;

const BRIDGE = "pods0";

/** Where a program can be started. */
export interface Place {
  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess;
}

/** The namespace of the test itself. */
export const ON_NODE: Place = { spawn: (program, args, options) => spawn(program, [...args], options) };

/** One pod's network. */
export class Namespace implements Place {
  readonly name: string;
  readonly ipv4: string;
  readonly ipv6: string;
  /** The end of its cable that is on the bridge. */
  readonly link: string;

  constructor(name: string, host: number) {
    this.name = name;
    this.link = `pod${host}`;
    this.ipv4 = `10.99.0.${host}`;
    this.ipv6 = `fd99::${host}`;
  }

  /** The command line that runs another one in here: as the same process, so its id is that of the program. */
  command(program: string, ...args: readonly string[]): readonly [string, readonly string[]] {
    return ["nsenter", [`--net=/run/netns/${this.name}`, "--", program, ...args]];
  }

  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    return spawn(...this.command(program, ...args), options);
  }

  /** @returns what it wrote to stdout @throws with its words when it fails */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const [file, all] = this.command(program, ...args);
    return (await run(file, [...all])).stdout;
  }
}

export class Network implements AsyncDisposable {
  readonly #namespaces: Namespace[] = [];

  static async create(): Promise<Network> {
    await ip("link", "add", BRIDGE, "type", "bridge");
    await ip("addr", "add", `${NODE.ipv4}/16`, "dev", BRIDGE);
    await ip("-6", "addr", "add", `${NODE.ipv6}/64`, "dev", BRIDGE, "nodad");
    await ip("link", "set", BRIDGE, "up");
    return new Network();
  }

  /** @param host last part of its addresses */
  async add(name: string, host: number): Promise<Namespace> {
    const namespace = new Namespace(name, host);
    const [outer, inner] = [namespace.link, "eth0"];
    await ip("netns", "add", name);
    this.#namespaces.push(namespace);
    await ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name);
    await ip("link", "set", outer, "master", BRIDGE, "up");
    await namespace.run("ip", "link", "set", "lo", "up");
    await namespace.run("ip", "addr", "add", `${namespace.ipv4}/16`, "dev", inner);
    await namespace.run("ip", "-6", "addr", "add", `${namespace.ipv6}/64`, "dev", inner, "nodad");
    await namespace.run("ip", "link", "set", inner, "up");
    return namespace;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name, link } of this.#namespaces) {
      // Workers of a program that was killed would keep the namespace, and with it the link.
      await killAll(name);
      await ip("link", "delete", link);
      await ip("netns", "delete", name);
    }
    await ip("link", "delete", BRIDGE);
  }
}

async function ip(...args: readonly string[]): Promise<void> {
  await run("ip", [...args]);
}

/** Whatever runs in a namespace of ours. */
async function killAll(name: string): Promise<void> {
  const { stdout } = await run("ip", ["netns", "pids", name]);
  for (const id of stdout.split("\n").filter((line) => line !== ""))
    try {
      process.kill(Number(id), "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
}
