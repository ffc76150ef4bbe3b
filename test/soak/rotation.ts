/**
 * `npm run test:rotation -- --minutes N --from files|workload-api`: the sidecar's certificate is replaced every second and the
 * mesh's CA every minute, under load. Ends with 1 when a caller whose certificate was good failed, when one of a CA that is gone
 * did not, when the newest certificate was not shown in time, or when memory grew.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { parseArgs } from "node:util";
import { startApplication } from "../support/application/application.ts";
import { connect, exchange } from "../support/caller/caller.ts";
import { numberAboveZero, oneOf, readArguments } from "../support/command-line.ts";
import { endProcessAfter } from "../support/limits/end-process.ts";
import type { Made } from "../support/mesh/certificates.ts";
import { mutual, policy, principal, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { svidOf, WorkloadApi } from "../support/workload-api/workload-api.ts";
import { GATEWAY, MeshInRotation, SIDECAR_ID } from "./mesh-in-rotation.ts";
import { MountedVolume } from "./mounted-volume.ts";
import { sampleOf, type Sample } from "./sample.ts";

const LEAF_MS = 1_000;
const AUTHORITY_MS = 60_000;
/** From a new CA's arrival in the bundle to its first certificate. */
const OVERLAP_MS = 15_000;
/** A kept connection is older than no certificate may be that its CA has issued. */
const KEPT_MS = 15_000;
const NEW_CONNECTIONS = 4;
const KEPT_CONNECTIONS = 16;
const SAMPLE_MS = 15_000;
const WIND_DOWN_MS = 60_000;
/** Memory may be higher in the second half than in the first by this. */
const MOST_GROWTH = 1.1;

const SOURCES = ["files", "workload-api"] as const;

const HELP = `npm run test:rotation -- [options]

The sidecar's certificate is replaced every second and the mesh's CA every minute, under load. Ends with 1 when something came
back wrong.

  --minutes N   how long (10)
  --from NAME   where the sidecar gets its certificate: files (default) or workload-api
  --help        show this text
`;

const { minutes, from } = readArguments(HELP, (args) => {
  const { values } = parseArgs({
    args: [...args],
    options: { minutes: { type: "string", default: "10" }, from: { type: "string", default: "files" } },
  });
  return {
    minutes: numberAboveZero("--minutes", values.minutes, 24 * 60),
    from: oneOf("--from", values.from, SOURCES),
  };
});
endProcessAfter(minutes * 60_000 + WIND_DOWN_MS, "the rotation soak");
const deadline = performance.now() + minutes * 60_000;
const running = (): boolean => performance.now() < deadline;

const mesh = new MeshInRotation();
const counts = { handshakes: 0, requests: 0, refusedAsTheyMust: 0, leaves: 0, authorities: 1, oldestShown: 0 };
const faults = new Map<string, number>();
const fault = (what: string): void => {
  faults.set(what, (faults.get(what) ?? 0) + 1);
  console.log(`${new Date().toISOString()} ${what}`);
};
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

using directory = temporaryDirectory();
const messageOf = (leaf: Made) => ({ svids: [svidOf(SIDECAR_ID, [leaf], mesh.authorities)] });
const first = mesh.nextLeaf();
const api =
  from === "files" ? undefined : await WorkloadApi.start(join(directory.path, "agent.sock"), messageOf(first));
const volume = api === undefined ? new MountedVolume(join(directory.path, "tls"), first, mesh.bundle) : undefined;

await using application = await startApplication();
await using sidecar = await startSidecar({
  manifests: [policy([mutual], [range("127.0.0.0/8"), principal(GATEWAY)])],
  backends: [{ app: application.port }],
  workers: 2,
  flags: [
    "--access-log=false",
    ...(volume?.flags ?? []),
    ...(api === undefined ? [] : [`--spiffe-endpoint=${api.endpoint}`]),
  ],
});
const pid = sidecar.child.pid!;

/** When each certificate was handed out, by its number. */
const handedOut = new Map<number, number>([[1, performance.now()]]);

async function renew(): Promise<void> {
  for (let due = performance.now() + LEAF_MS; running(); due += LEAF_MS) {
    await delay(Math.max(0, due - performance.now()));
    const leaf = mesh.nextLeaf();
    counts.leaves += 1;
    handedOut.set(counts.leaves + 1, performance.now());
    volume?.write(leaf, mesh.bundle);
    api?.say(messageOf(leaf));
  }
}

async function replaceAuthorities(): Promise<void> {
  for (;;) {
    await delay(AUTHORITY_MS - OVERLAP_MS);
    if (!running()) return;
    mesh.addAuthority();
    counts.authorities += 1;
    await delay(OVERLAP_MS);
    if (!running()) return;
    await expectStray();
    mesh.switchIssuer();
  }
}

/** The CA of before has been out of the bundle for as long as the new one has been in it. */
async function expectStray(): Promise<void> {
  const pair = mesh.strayCaller;
  if (pair === undefined) return;
  try {
    const socket = await open(pair);
    await exchange(socket, {});
    socket.destroy();
    fault("a caller of a CA that is gone was let in");
  } catch {
    counts.refusedAsTheyMust += 1;
  }
}

/** Opens a connection, and looks how old the certificate is that is shown: older than its successor's handing out. */
async function open(pair = mesh.caller): Promise<TLSSocket> {
  const begun = performance.now();
  const socket = (await connect({ port: sidecar.port(), tls: { ca: mesh.bundle, pair } })) as TLSSocket;
  socket.on("error", () => undefined);
  const shown = Number(socket.getPeerCertificate().subject.CN);
  const successor = handedOut.get(shown + 1);
  if (successor !== undefined) counts.oldestShown = Math.max(counts.oldestShown, begun - successor);
  return socket;
}

async function comeAndGo(): Promise<void> {
  while (running()) {
    try {
      const socket = await open();
      counts.handshakes += 1;
      const { status } = await exchange(socket, {});
      socket.destroy();
      if (status === 200) counts.requests += 1;
      else fault(`a new connection got ${status}`);
    } catch (error) {
      fault(`a new connection: ${codeOf(error)}`);
    }
    await delay(20);
  }
}

async function stay(): Promise<void> {
  while (running()) {
    try {
      const socket = await open();
      counts.handshakes += 1;
      for (const end = performance.now() + KEPT_MS * Math.random(); performance.now() < end && running();) {
        const { status } = await exchange(socket, {});
        if (status === 200) counts.requests += 1;
        else fault(`a kept connection got ${status}`);
        await delay(200);
      }
      socket.destroy();
    } catch (error) {
      fault(`a kept connection: ${codeOf(error)}`);
    }
  }
}

async function observe(): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  for (;;) {
    await delay(SAMPLE_MS);
    if (!running()) return samples;
    const sample = sampleOf(pid);
    samples.push(sample);
    console.log(
      `${Math.round((samples.length * SAMPLE_MS) / 1000)} s: ${counts.leaves} certificates, ${counts.authorities} CAs, ${counts.handshakes} handshakes, ${faults.size} kinds of faults, RSS ${sample.rssMiB} MiB, ${sample.descriptors} descriptors`,
    );
  }
}

console.log(`${minutes} minutes from ${from}; before: RSS ${sampleOf(pid).rssMiB} MiB`);
const times = <Value>(count: number, make: () => Value): readonly Value[] => Array.from({ length: count }, make);
const [samples] = await Promise.all([
  observe(),
  renew(),
  replaceAuthorities(),
  ...times(NEW_CONNECTIONS, comeAndGo),
  ...times(KEPT_CONNECTIONS, stay),
]);
const half = samples.length >> 1;
const highest = (part: readonly Sample[]): number => Math.max(...part.map(({ rssMiB }) => rssMiB));
const [early, late] = [highest(samples.slice(0, half)), highest(samples.slice(half))];
console.table({
  "certificates handed out": counts.leaves,
  "certificates in force": sidecar.log.all({ message: "certificate replaced" }).length,
  "CAs of the mesh": counts.authorities,
  "handshakes of good callers": counts.handshakes,
  "requests answered with 200": counts.requests,
  "faults of good callers": [...faults.values()].reduce((sum, value) => sum + value, 0),
  "callers of a CA that is gone, refused": counts.refusedAsTheyMust,
  "longest that a certificate was shown after its successor came, ms": Math.round(counts.oldestShown),
  "threads lost": sidecar.threadsLost().length,
  "highest RSS of the first half, MiB": early,
  "highest RSS of the second half, MiB": late,
});
const said = new Map<string, number>();
for (const { level, message } of sidecar.log.lines)
  if (level === "warn" || level === "error") said.set(String(message), (said.get(String(message)) ?? 0) + 1);
console.log("warnings and errors of the sidecar:", Object.fromEntries(said));
api?.stop();
assert.deepEqual([...faults], [], "something came back wrong");
assert.ok(half === 0 || late <= early * MOST_GROWTH, `RSS grew from ${early} MiB to ${late} MiB`);
assert.equal(await sidecar.stop(), 0);
console.log("nothing came back wrong");
