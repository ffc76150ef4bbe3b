/**
 * What a start costs, and what stands in memory afterwards: the bundle of this checkout, or bundles side by side
 * (`--bundle DIR,DIR`, made by `node scripts/bundle.ts DIR`), from the start of the process to the first 200 of /readyz, with
 * a directory of manifests and with an API server (the tests' stand-in). Rounds alternate between bundles and sources.
 *
 * As root the API server is found as a pod finds it, by files that a mount namespace shows to the process alone; else by a
 * kubeconfig, which loads the official client.
 *
 * CPU time is what a busy machine does not blur; wall time is shown at its median and its best.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { writeKubeconfig } from "../../test/support/api-server/kubeconfig.ts";
import { StandInCluster } from "../../test/support/api-server/test-cluster.ts";
import { TestMesh } from "../../test/support/mesh/mesh.ts";
import { http, policy, service, serviceObject, slice } from "../../test/support/mesh/objects.ts";
import { freePorts } from "../../test/support/process/ports.ts";
import { temporaryDirectory } from "../../test/support/process/temporary-directory.ts";
import { resultName, writeResult } from "../load/report/results.ts";
import { machineStamp } from "../machine/stamp.ts";

const TICK_MS = 10;
/** Often enough for a figure of hundreds; more often, it would take the CPU time that it measures. */
const LOOK_EVERY_MS = 10;
const LIMIT_MS = 60_000;

const { values } = parseArgs({
  options: {
    bundle: { type: "string" },
    rounds: { type: "string", default: "9" },
    rest: { type: "string", default: "4" },
    node: { type: "string", default: "" },
  },
});

using directory = temporaryDirectory();
const bundles = (values.bundle?.split(",") ?? [ownBundle()]).map((path) => resolve(path));
const nodeFlags = values.node === "" ? [] : values.node.split(" ");

function ownBundle(): string {
  const out = join(directory.path, "bundle");
  mkdirSync(out);
  execFileSync(process.execPath, [join(import.meta.dirname, "../../scripts/bundle.ts"), out]);
  return out;
}

const objects = [
  serviceObject("test/foo", 80),
  slice("gateways/edge", "127.0.0.1"),
  policy([http], [service("gateways/edge")]),
];
const manifests = join(directory.path, "manifests");
mkdirSync(manifests);
writeFileSync(join(manifests, "objects.yaml"), objects.map((object) => JSON.stringify(object)).join("\n---\n"));
await using cluster = await StandInCluster.start();
for (const object of objects) await cluster.api.apply({ ...object });
const kubeconfig = writeKubeconfig(join(directory.path, "kubeconfig"), cluster.credentials());
const mesh = await TestMesh.create();
const tlsFiles = { "tls.crt": mesh.own.certPem, "tls.key": mesh.own.keyPem, "ca.crt": mesh.own.caPem };
for (const [name, text] of Object.entries(tlsFiles)) writeFileSync(join(directory.path, name), text);

const inPod = process.getuid?.() === 0;
const account = join(directory.path, "account");
mkdirSync(account);
const { token, ca, server } = cluster.credentials();
for (const [name, text] of Object.entries({ token, "ca.crt": ca, namespace: "test" }))
  writeFileSync(join(account, name), text);
/** The shell, and then the process that takes its place, sees the account's files where a pod has them. */
const POD = [
  "mount -t tmpfs none /var/run",
  "mkdir -p /var/run/secrets/kubernetes.io",
  `cp -r ${account} /var/run/secrets/kubernetes.io/serviceaccount`,
  'exec "$0" "$@"',
].join(" && ");
const SOURCES = {
  manifests: ["--manifests", manifests],
  kubernetes: ["--kubernetes", ...(inPod ? [] : ["--kubeconfig", kubeconfig])],
} as const;
type Source = keyof typeof SOURCES;

interface Sample {
  readonly readyMs: number;
  readonly cpuMs: number;
  readonly residentMiB: number;
  readonly privateMiB: number;
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function smaps(pid: number, name: string): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return (
    [...rollup.matchAll(new RegExp(`^${name}.*?: +(\\d+) kB`, "gm"))].reduce((sum, [, kib]) => sum + Number(kib), 0) /
    1024
  );
}

async function isReady(admin: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${admin}/readyz`).then(
    (answer) => answer.status === 200,
    () => false,
  );
}

async function sample(bundle: string, source: Source): Promise<Sample> {
  const [listen = 0, admin = 0] = await freePorts(2);
  const args = [
    ...nodeFlags,
    join(bundle, "postern.mjs"),
    "run",
    ...SOURCES[source],
    "--namespace=test",
    "--service=foo",
    `--backend=port=80,listen=127.0.0.1:${listen},app=127.0.0.1:1`,
    `--tls-cert=${directory.path}/tls.crt`,
    `--tls-key=${directory.path}/tls.key`,
    `--tls-ca=${directory.path}/ca.crt`,
    `--admin=127.0.0.1:${admin}`,
    "--workers=1",
    "--drain-delay=0",
  ];
  const begin = performance.now();
  const pod = inPod && source === "kubernetes";
  const [file, ...before] = pod ? ["unshare", "--mount", "sh", "-c", POD, process.execPath] : [process.execPath];
  const child = spawn(file, [...before, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      ...(pod && { KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port }),
    },
  });
  const pid = child.pid ?? 0;
  try {
    while (!(await isReady(admin))) {
      if (child.exitCode !== null || performance.now() - begin > LIMIT_MS) throw new Error(`${bundle} does not start`);
      await delay(LOOK_EVERY_MS);
    }
    const readyMs = performance.now() - begin;
    const cpu = cpuMs(pid);
    await delay(Number(values.rest) * 1000);
    return { readyMs, cpuMs: cpu, residentMiB: smaps(pid, "Rss"), privateMiB: smaps(pid, "Private_") };
  } finally {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN;
}

const samples = new Map<string, Sample[]>();
for (let round = 0; round < Number(values.rounds); round += 1)
  for (const bundle of bundles)
    for (const source of Object.keys(SOURCES) as Source[]) {
      const key = `${source.padEnd(12)}${bundle}`;
      samples.set(key, [...(samples.get(key) ?? []), await sample(bundle, source)]);
    }
const machine = machineStamp();
const figures = [...samples].map(([key, found]) => {
  const [source = "", bundle = ""] = key.split(/ +/);
  const of = (name: keyof Sample): readonly number[] => found.map((entry) => entry[name]);
  return {
    source,
    bundle,
    rounds: found.length,
    readyMs: median(of("readyMs")),
    bestReadyMs: Math.min(...of("readyMs")),
    cpuMs: median(of("cpuMs")),
    residentMiB: median(of("residentMiB")),
    privateMiB: median(of("privateMiB")),
  };
});
console.log("source      bundle: ready ms (median, best)   CPU ms to ready   RSS MiB   of it private");
for (const { source, bundle, readyMs, bestReadyMs, cpuMs, residentMiB, privateMiB } of figures)
  console.log(
    `${source.padEnd(12)}${bundle}: ${readyMs.toFixed(0)}, ${bestReadyMs.toFixed(0)}   ${cpuMs.toFixed(0)}   ${residentMiB.toFixed(1)}   ${privateMiB.toFixed(1)}`,
  );
console.log(`written to ${writeResult(resultName("start", machine), { bench: "start", machine, figures })}`);
