/** One pod from its start to its end, by the rules of a kubelet: order of starts, probes from the node, order of ends. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ApiCaller } from "../../support/api-server/api-caller.ts";
import { NODE, type Namespace } from "../network.ts";
import { ContainerProcess } from "./container-process.ts";
import type { Images } from "./images.ts";
import { environmentOf, expanded, portOf, type Action, type Container, type PodObject } from "./pod-object.ts";
import { Volumes } from "./volumes.ts";

const LOOK_MS = 200;
/** Between two looks at a pod that is ready, by its probes and at its objects: each costs the machine under test. */
const READY_LOOK_MS = 1_000;
const READY_SYNC_MS = 5_000;
const PROBE_MS = 2_000;
/** Probes in a row that have to fail before a ready pod is so no more: what one that says nothing has. */
const FAILURE_THRESHOLD = 3;
/** What a pod that names none has. */
const GRACE_SECONDS = 30;
/** After a preStop that took the whole grace (kubelet's minimumGracePeriodInSeconds). */
const LEAST_GRACE_MS = 2_000;

export interface PodParts {
  readonly api: ApiCaller;
  readonly images: Images;
  readonly namespace: Namespace;
  readonly apiPort: number;
  /** Lines of /etc/hosts: names of Services, as the cluster's DNS would answer them. */
  readonly hosts: (namespace: string) => Promise<string>;
}

/** How a pod ended that was deleted. */
export interface PodEnd {
  readonly namespace: string;
  readonly name: string;
  /** Exit codes of its containers. */
  readonly codes: Readonly<Record<string, number>>;
  /** Their last words. */
  readonly log: string;
}

export class RunningPod {
  readonly pod: PodObject;
  readonly namespace: Namespace;
  readonly #parts: PodParts;
  readonly #directory = mkdtempSync(join(tmpdir(), "kubelet-"));
  readonly #volumes: Volumes;
  readonly #processes = new Map<string, ContainerProcess>();
  readonly #life: Promise<void>;
  readonly #endingNow = new AbortController();
  #ready: boolean | undefined;
  #syncedAt = 0;
  /** Looks in a row at which a probe failed. */
  #failures = 0;
  #fault = "";

  constructor(pod: PodObject, parts: PodParts) {
    this.pod = pod;
    this.namespace = parts.namespace;
    this.#parts = parts;
    const addresses = { ipv4: this.namespace.ipv4, ipv6: this.namespace.ipv6, node: NODE.ipv4 };
    this.#volumes = new Volumes(parts.api, pod, addresses, join(this.#directory, "volumes"));
    this.#life = this.#live().catch((error: unknown) => {
      this.#fault = String(error);
    });
  }

  get #ending(): boolean {
    return this.#endingNow.signal.aborted;
  }

  get log(): string {
    const logs = [...this.#processes].map(
      ([name, process]) => `--- ${this.pod.metadata.name} ${name}\n${process.log.slice(-3_000)}`,
    );
    return [...logs, this.#fault].join("\n");
  }

  logOf(container: string): string {
    return this.#processes.get(container)?.log ?? "";
  }

  /** preStop and SIGTERM for the containers, then for the native sidecars, from the last to the first. */
  async end(graceSeconds: number): Promise<PodEnd> {
    this.#endingNow.abort();
    await this.#life;
    const { containers, initContainers = [] } = this.pod.spec;
    const ends = performance.now() + graceSeconds * 1_000;
    await Promise.all(containers.map((container) => this.#endOne(container, ends)));
    for (const sidecar of initContainers.toReversed()) await this.#endOne(sidecar, ends);
    const codes = await Promise.all(
      [...this.#processes].map(async ([name, process]) => [name, await process.exited] as const),
    );
    const { namespace, name } = this.pod.metadata;
    const end = { namespace, name, codes: Object.fromEntries(codes), log: this.log };
    rmSync(this.#directory, { recursive: true, force: true });
    return end;
  }

  /** At once. */
  async kill(): Promise<void> {
    this.#endingNow.abort();
    for (const process of this.#processes.values()) process.signal("SIGKILL");
    await this.#life;
    await Promise.all([...this.#processes.values()].map((process) => (process.signal("SIGKILL"), process.exited)));
  }

  /** @param ends when the pod's grace is over, by the clock of `performance` */
  async #endOne(container: Container, ends: number): Promise<void> {
    const process = this.#processes.get(container.name);
    if (process?.running !== true) return;
    const left = (): number => Math.max(LEAST_GRACE_MS, ends - performance.now());
    const { sleep, httpGet } = container.lifecycle?.preStop ?? {};
    if (sleep !== undefined) await Promise.race([delay(Math.min(sleep.seconds * 1_000, left())), process.exited]);
    if (httpGet !== undefined) await Promise.race([this.#passes(container, { httpGet }, left()), process.exited]);
    process.signal("SIGTERM");
    await Promise.race([process.exited, delay(left(), undefined, { ref: false })]);
    process.signal("SIGKILL");
    await process.exited;
  }

  async #live(): Promise<void> {
    const { spec } = this.pod;
    mkdirSync(this.#directory, { recursive: true });
    await this.#status("Pending", false);
    while (!(await this.#sync())) {
      if (this.#ending) return;
      await delay(LOOK_MS);
    }
    for (const container of spec.initContainers ?? []) {
      let process = this.#start(container);
      if (container.restartPolicy === "Always") continue;
      while ((await process.exited) !== 0 && !this.#ending) {
        await delay(LOOK_MS);
        process = this.#start(container);
      }
      if (this.#ending) return;
    }
    for (const container of spec.containers) this.#start(container);
    while (!this.#ending) {
      if (await this.#look()) return;
      await this.#pause(this.#ready === true ? READY_LOOK_MS : LOOK_MS);
    }
  }

  /** Is over at once when the pod has to end. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#endingNow.signal }).catch(() => undefined);
  }

  /** @returns true when the pod has come to its own end */
  async #look(): Promise<boolean> {
    const { spec } = this.pod;
    if (performance.now() - this.#syncedAt > (this.#ready === true ? READY_SYNC_MS : 0)) await this.#sync();
    const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
    if (
      spec.restartPolicy === "Never" &&
      spec.containers.every(({ name }) => this.#processes.get(name)?.running === false)
    ) {
      const ends = performance.now() + (spec.terminationGracePeriodSeconds ?? GRACE_SECONDS) * 1_000;
      for (const sidecar of sidecars.toReversed()) await this.#endOne(sidecar, ends);
      const codes = await Promise.all(spec.containers.map(({ name }) => this.#processes.get(name)!.exited));
      await this.#status(codes.every((code) => code === 0) ? "Succeeded" : "Failed", false);
      return true;
    }
    const lasting = [...sidecars, ...spec.containers];
    for (const container of lasting)
      if (this.#processes.get(container.name)?.running !== true && spec.restartPolicy !== "Never") {
        await delay(1_000);
        if (!this.#ending) this.#start(container);
      }
    const passed = await Promise.all(
      lasting.map((container) => this.#passes(container, container.readinessProbe ?? {})),
    );
    this.#failures = passed.every(Boolean) ? 0 : this.#failures + 1;
    const ready = this.#failures < (this.#ready === true ? FAILURE_THRESHOLD : 1);
    if (ready !== this.#ready) await this.#status("Running", ready);
    return false;
  }

  #start(container: Container): ContainerProcess {
    const { images, namespace, apiPort } = this.#parts;
    const addresses = { ipv4: namespace.ipv4, ipv6: namespace.ipv6, node: NODE.ipv4 };
    const env = environmentOf(container, this.pod, addresses);
    const process = new ContainerProcess({
      container,
      pod: this.pod.spec.securityContext ?? {},
      namespace,
      directory: this.#directory,
      commandLine: images.commandLine(container).map((text) => expanded(text, env)),
      env: { KUBERNETES_SERVICE_HOST: NODE.ipv4, KUBERNETES_SERVICE_PORT: String(apiPort), ...env },
      mounts: [
        ...images.mounts,
        [join(this.#directory, "hosts"), "/etc/hosts"],
        ...(container.volumeMounts ?? []).map(({ name, mountPath }) => [this.#volumes.path(name), mountPath] as const),
      ],
    });
    this.#processes.set(container.name, process);
    return process;
  }

  /** What changes outside while it runs. */
  async #sync(): Promise<boolean> {
    writeFileSync(join(this.#directory, "hosts"), await this.#parts.hosts(this.pod.metadata.namespace));
    this.#syncedAt = performance.now();
    return this.#volumes.write();
  }

  /** Asked from the node, as a kubelet asks. */
  async #passes(container: Container, { httpGet, tcpSocket, exec }: Action, withinMs = PROBE_MS): Promise<boolean> {
    const signal = AbortSignal.timeout(withinMs);
    try {
      if (httpGet !== undefined) {
        const { path = "/", port, scheme = "HTTP" } = httpGet;
        const url = `${scheme.toLowerCase()}://${this.namespace.ipv4}:${portOf(container, port)}${path}`;
        return (await fetch(url, { signal, redirect: "manual" })).status < 400;
      }
      if (tcpSocket !== undefined) {
        const socket = connect({ host: this.namespace.ipv4, port: portOf(container, tcpSocket.port) });
        await once(socket, "connect", { signal }).finally(() => socket.destroy());
        return true;
      }
      if (exec !== undefined) throw new Error("the stand-in for the kubelet knows no exec probes");
      return true;
    } catch {
      return false;
    }
  }

  async #status(phase: string, ready: boolean): Promise<void> {
    this.#ready = ready;
    const { ipv4, ipv6 } = this.namespace;
    const condition = (type: string): object => ({ type, status: ready ? "True" : "False" });
    const status = {
      phase,
      hostIP: NODE.ipv4,
      podIP: ipv4,
      podIPs: [{ ip: ipv4 }, { ip: ipv6 }],
      conditions: [condition("Ready"), condition("ContainersReady")],
    };
    const { namespace, name } = this.pod.metadata;
    await this.#parts.api.call(
      "PATCH",
      `/api/v1/namespaces/${namespace}/pods/${name}/status`,
      { status },
      "application/merge-patch+json",
    );
  }
}
