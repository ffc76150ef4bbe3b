/**
 * Where the sidecar gets its policy from, and its files: a directory of manifests, and an API server over the same objects. As
 * root the API server is found as a pod finds it, by files that a mount namespace shows to the process alone; else by a
 * kubeconfig, which loads the official client.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeKubeconfig } from "../../test/support/api-server/kubeconfig.ts";
import { StandInCluster } from "../../test/support/api-server/test-cluster.ts";
import { TestMesh } from "../../test/support/mesh/mesh.ts";
import { http, policy, service, serviceObject, slice } from "../../test/support/mesh/objects.ts";

export const SOURCES = ["manifests", "kubernetes"] as const;
export type Source = (typeof SOURCES)[number];

/** How a sidecar of one source is started: what stands before Node, its flags, its environment. */
export interface Launch {
  readonly before: readonly string[];
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface StartSources extends AsyncDisposable {
  readonly launches: Readonly<Record<Source, Launch>>;
}

function writeAll(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** @param directory for their files */
export async function openSources(directory: string): Promise<StartSources> {
  const objects = [
    serviceObject("test/foo", 80),
    slice("gateways/edge", "127.0.0.1"),
    policy([http], [service("gateways/edge")]),
  ];
  const manifests = join(directory, "manifests");
  writeAll(manifests, { "objects.yaml": objects.map((object) => JSON.stringify(object)).join("\n---\n") });
  const { own } = await TestMesh.create();
  const tls = join(directory, "tls");
  writeAll(tls, { "tls.crt": own.certPem, "tls.key": own.keyPem, "ca.crt": own.caPem });
  const cluster = await StandInCluster.start();
  for (const object of objects) await cluster.api.apply({ ...object });
  const kubernetes = (process.getuid?.() === 0 ? inPod : outside)(cluster, directory);
  const credentials = [`--tls-cert=${tls}/tls.crt`, `--tls-key=${tls}/tls.key`, `--tls-ca=${tls}/ca.crt`];
  return {
    launches: {
      manifests: { before: [], flags: [`--manifests=${manifests}`, ...credentials], env: {} },
      kubernetes: { ...kubernetes, flags: ["--kubernetes", ...kubernetes.flags, ...credentials] },
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

function outside(cluster: StandInCluster, directory: string): Launch {
  const kubeconfig = writeKubeconfig(join(directory, "kubeconfig"), cluster.credentials());
  return { before: [], flags: [`--kubeconfig=${kubeconfig}`], env: {} };
}

/** The shell, and then the process that takes its place, sees the account's files where a pod has them. */
function inPod(cluster: StandInCluster, directory: string): Launch {
  const { token, ca, server } = cluster.credentials();
  const account = join(directory, "account");
  writeAll(account, { token, "ca.crt": ca, namespace: "test" });
  const script = [
    "mount -t tmpfs none /var/run",
    "mkdir -p /var/run/secrets/kubernetes.io",
    `cp -r '${account}' /var/run/secrets/kubernetes.io/serviceaccount`,
    'exec "$0" "$@"',
  ].join(" && ");
  return {
    before: ["unshare", "--mount", "sh", "-c", script],
    flags: [],
    env: { KUBERNETES_SERVICE_HOST: server.hostname, KUBERNETES_SERVICE_PORT: server.port },
  };
}
