/** Addresses are used again within seconds in a busy cluster: what one pod was allowed is nothing that the next one inherits. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { writeKubeconfig } from "../support/api-server/kubeconfig.ts";
import { StandInCluster } from "../support/api-server/test-cluster.ts";
import { startApplication, startTcpApplication } from "../support/application/application.ts";
import { connect, exchange, readToEnd, tryCall } from "../support/caller/caller.ts";
import { startSidecar, type TestBackend, type TestSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { letIn, sliceOf } from "../discovery/kubernetes/suite/objects.ts";

const REUSED = "127.0.0.10";
const NEIGHBOUR = "127.0.0.11";
/** Attempts after the last change, from an address that must stay out. */
const MORE_ATTEMPTS = 100;

const edge = (addresses: readonly string[], pods: Readonly<Record<string, string>> = {}) =>
  sliceOf("gateways/edge", "edge-1", addresses, (address) => pods[address] ?? `pod-${address}`);

/** A whole sidecar that follows the API server. */
async function follow(cluster: StandInCluster, directory: string, backend: TestBackend): Promise<TestSidecar> {
  const kubeconfig = writeKubeconfig(join(directory, "kubeconfig"), cluster.credentials());
  return startSidecar({
    manifests: undefined,
    backends: [backend],
    workers: 2,
    flags: ["--kubernetes", `--kubeconfig=${kubeconfig}`],
  });
}

/** Until the next world is in force in every thread. */
async function published(sidecar: TestSidecar, change: () => Promise<unknown>): Promise<void> {
  const from = sidecar.log.lines.length;
  await change();
  await sidecar.snapshotInForce(from);
}

test("a connection of the former pod is closed when another pod has its address, which is listed all the while", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(letIn("gateways/edge"), edge([REUSED, NEIGHBOUR]));
  await using application = await startApplication();
  using directory = temporaryDirectory();
  await using sidecar = await follow(cluster, directory.path, { app: application.port });
  const port = sidecar.port();
  const former = await connect({ port, from: REUSED });
  const neighbour = await connect({ port, from: NEIGHBOUR });
  for (const socket of [former, neighbour]) assert.equal((await exchange(socket, {})).status, 200);

  const end = readToEnd(former);
  await published(sidecar, () => cluster.api.replace(edge([REUSED, NEIGHBOUR], { [REUSED]: "successor" })));
  await end;
  const line = await sidecar.log.next({ event: "connection", end: "revoked", address: REUSED });
  assert.equal(line["reason"], "endpoint-replaced");
  assert.equal((await exchange(neighbour, {})).status, 200, "the neighbour is who it was");
  assert.ok("status" in (await tryCall({ port, from: REUSED })), "the successor is let in: it is listed");
  for (const socket of [former, neighbour]) socket.destroy();
});

test("pods that share an address lose no connection to each other, until none of those that had it is left", async () => {
  await using cluster = await StandInCluster.start();
  const { api } = cluster;
  const edges = (name: string, path: `${string}/${string}`, ...pods: readonly string[]) =>
    sliceOf(
      path,
      name,
      pods.map(() => REUSED),
      (_address, index) => pods[index]!,
    );
  await api.apply(letIn("gateways/edge", "gateways/inner"), edges("edge-1", "gateways/edge", "a", "b"));
  await api.create(edges("edge-2", "gateways/edge", "c"));
  await using application = await startApplication();
  using directory = temporaryDirectory();
  await using sidecar = await follow(cluster, directory.path, { app: application.port });
  const socket = await connect({ port: sidecar.port(), from: REUSED });
  assert.equal((await exchange(socket, {})).status, 200);

  const changes: readonly [about: string, change: () => Promise<unknown>][] = [
    ["another order", () => api.replace(edges("edge-1", "gateways/edge", "b", "a"))],
    ["a newcomer in front", () => api.replace(edges("edge-1", "gateways/edge", "d", "b", "a"))],
    ["another slice in front", () => api.create(edges("edge-0", "gateways/edge", "e"))],
    ["another Service with the address", () => api.create(edges("inner-1", "gateways/inner", "f"))],
    ["another order of sources", () => api.replace(letIn("gateways/inner", "gateways/edge"))],
    ["all but one have gone", () => api.replace(edges("edge-1", "gateways/edge", "d"))],
  ];
  for (const [about, change] of changes) {
    await published(sidecar, change);
    assert.equal((await exchange(socket, {})).status, 200, about);
  }
  const end = readToEnd(socket);
  await api.replace(edges("edge-2", "gateways/edge", "g"));
  await end;
  const line = await sidecar.log.next({ event: "connection", end: "revoked", address: REUSED });
  assert.equal(line["reason"], "endpoint-replaced");
});

test("a stream of the former pod is cut in both directions", async () => {
  await using cluster = await StandInCluster.start();
  await cluster.api.apply(letIn("gateways/edge"), edge([REUSED]));
  let atApplication: Promise<string> | undefined;
  await using application = await startTcpApplication((socket) => {
    socket.write("hello");
    atApplication = readToEnd(socket).then((read) => read.end);
  });
  using directory = temporaryDirectory();
  await using sidecar = await follow(cluster, directory.path, { app: application.port, forward: "stream" });
  const socket = await connect({ port: sidecar.port(), from: REUSED });
  socket.write("x");
  await once(socket, "readable");
  const end = readToEnd(socket);
  await cluster.api.replace(edge([REUSED], { [REUSED]: "successor" }));
  assert.equal((await end).end, "ECONNRESET");
  assert.equal(await atApplication, "ECONNRESET");
});

/** Calls without a pause, until its scope ends. */
class Knocking implements AsyncDisposable {
  readonly #port: number;
  readonly #from: string;
  readonly #calling: Promise<void>;
  readonly #waiting = new Set<() => void>();
  #over = false;
  /** Of every attempt: whether it was answered. */
  readonly outcomes: boolean[] = [];

  constructor(port: number, from: string) {
    this.#port = port;
    this.#from = from;
    this.#calling = this.#call();
  }

  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#calling;
  }

  async #call(): Promise<void> {
    while (!this.#over) {
      this.outcomes.push("status" in (await tryCall({ port: this.#port, from: this.#from })));
      for (const resolve of this.#waiting) resolve();
      this.#waiting.clear();
    }
  }
}

test("an address that went and comes back for a Service that is not listed is let in by no attempt between", async () => {
  await using cluster = await StandInCluster.start();
  const { api } = cluster;
  await api.apply(letIn("gateways/edge"), edge([REUSED, NEIGHBOUR]));
  await using application = await startApplication();
  using directory = temporaryDirectory();
  await using sidecar = await follow(cluster, directory.path, { app: application.port });
  await using knocking = new Knocking(sidecar.port(), REUSED);
  const { outcomes } = knocking;
  await knocking.until(() => outcomes.includes(true));

  const stranger = (owner: `${string}/${string}`, ...addresses: readonly string[]) =>
    sliceOf(owner, "stranger-1", addresses, () => "stranger");
  // Gone from one Service and taken by the other in one breath.
  await Promise.all([api.replace(edge([NEIGHBOUR])), api.create(stranger("gateways/stranger", REUSED))]);
  await knocking.until(() => outcomes.includes(false));
  const reached = application.requests.length;
  for (let round = 0; round < 10; round += 1) {
    // The listed Service changes all the while; the stranger's slice becomes one of its own and leaves again; the source is let go and taken up.
    await published(sidecar, () => api.replace(edge([NEIGHBOUR, `127.0.1.${round}`])));
    await api.replace(stranger("gateways/edge", NEIGHBOUR));
    await api.replace(stranger("gateways/stranger", REUSED));
    await published(sidecar, () => api.replace(letIn("gateways/none")));
    await published(sidecar, () => api.replace(letIn("gateways/edge")));
  }
  const soFar = outcomes.length;
  await knocking.until(() => outcomes.length > soFar + MORE_ATTEMPTS);

  assert.equal(outcomes.indexOf(true, outcomes.indexOf(false)), -1, "once refused, never let in");
  assert.equal(application.requests.length, reached, "and not one of its requests came through");
  await api.replace(edge([NEIGHBOUR, REUSED]));
  await knocking.until(() => outcomes.at(-1) === true);
});
