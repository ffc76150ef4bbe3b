/** Real sidecars in the states that an operator meets, and what the status page has to say of each. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import type { TestApplication } from "../support/application/application.ts";
import { connect, tryCall } from "../support/caller/caller.ts";
import { GATEWAY_NAME, type TestMesh } from "../support/mesh/mesh.ts";
import { backend, http, mutual, policy, principal, range, type Manifest } from "../support/mesh/objects.ts";
import { spawnSidecar, type SidecarOptions, type TestSidecar } from "../support/process/sidecar.ts";
import { until } from "../support/until.ts";

/** A name in a certificate that would be markup, were it not escaped. */
export const HOSTILE_NAME = 'spiffe://x/<img src=x onerror="alert(1)">';

export const STATE_NAMES = ["serving", "closed-for-no-policy", "no-credentials", "stale", "draining", "audit"] as const;

export interface State {
  readonly name: (typeof STATE_NAMES)[number];
  /** In this order. */
  readonly texts: readonly RegExp[];
  start(): Promise<TestSidecar>;
}

export function states(application: TestApplication, mesh: TestMesh): readonly State[] {
  const start = async (manifests: readonly Manifest[], more: Partial<SidecarOptions> = {}): Promise<TestSidecar> => {
    const sidecar = await spawnSidecar({ manifests, backends: [{ app: application.port }], ...more });
    await sidecar.log.next({ message: "snapshot published" });
    await until(
      "the admin port answers",
      async () => (await sidecar.admin("/livez").catch(() => undefined))?.ok === true,
    );
    return sidecar;
  };
  const open = policy([http], [range("127.0.0.1/32")]);
  return [
    { name: "serving", texts: SERVING, start: () => serving(start, application, mesh) },
    {
      name: "closed-for-no-policy",
      texts: [
        /Closed to everybody: no-policy/,
        /port 80 is closed: no-policy: no IngressBackend names a Service of this pod, which backs foo/,
        /closed: no-policy/,
        /No IngressBackend governs a port of this pod/,
        /Nobody was refused of late/,
      ],
      start: () => start([]),
    },
    {
      name: "no-credentials",
      texts: [
        /Closed to everybody: no-credentials/,
        /not ready: port 80 is closed: no-credentials: no certificate for https backends/,
        /test\/ib/,
        /None is configured: https backends stay closed/,
      ],
      start: () => start([policy([mutual], [principal(GATEWAY_NAME)])]),
    },
    {
      name: "stale",
      texts: [
        /Closed to everybody: stale-snapshot/,
        /not ready: port 80 is closed: stale-snapshot: policy and endpoints have been out of date/,
        /closed: stale-snapshot/,
        /IPRange 127\.0\.0\.1\/32[^]*127\.0\.0\.1\s/,
        /closed: stale-snapshot[^]*too old[^]*ENOENT/,
      ],
      start: async () => {
        const sidecar = await start([open], { flags: ["--max-stale=1s"] });
        renameSync(join(sidecar.directory, "manifests"), join(sidecar.directory, "gone"));
        await sidecar.log.next((line) => line["closed"] === "stale-snapshot");
        return sidecar;
      },
    },
    {
      name: "draining",
      texts: [/Draining, serving until its listeners close/, /not ready: draining/, /draining: the process is ending/],
      start: async () => {
        const sidecar = await start([open], { flags: ["--drain-delay=10m"] });
        sidecar.child.kill("SIGTERM");
        await sidecar.log.next({ message: "draining" });
        return sidecar;
      },
    },
    {
      name: "audit",
      texts: [
        /AUDIT MODE: policy is not enforced[^]*port 80 by test\/ib until 20\d\d-/,
        /although enforcement would have refused: 1\./,
        /Serving, and policy is not enforced/,
        /audit: refusals by address or name are only logged and counted/,
        /source-not-listed, let in by audit/,
      ],
      start: async () => {
        const sidecar = await start([open], { flags: ["--enforcement=audit:1h"] });
        await sidecar.ready();
        await tryCall({ port: sidecar.port(), from: "127.0.0.9" });
        await remembered(sidecar, 1);
        return sidecar;
      },
    },
  ];
}

const SERVING: readonly RegExp[] = [
  /test/,
  /Version \d+\.\d+\.\d+, backs foo/,
  /Serving/,
  /80[^]*open: http[^]*443[^]*open: https[^]*https, client certificate demanded/,
  /IPRange 127\.0\.0\.0\/29[^]*127\.0\.0\.0-127\.0\.0\.7/,
  /Recent refusals/,
  /source-not-listed[^]*127\.0\.0\.9[^]*is in none of IPRange 127\.0\.0\.0\/29/,
  /principal-not-listed[^]*differs from 'gw\.gw-ns\.cluster\.local' by one character/,
  /\d+ (?:days|h|min) left/,
  /manifests[^]*\d+ s ago/,
  /Threads/,
];

type Start = (manifests: readonly Manifest[], more: Partial<SidecarOptions>) => Promise<TestSidecar>;

async function serving(start: Start, application: TestApplication, mesh: TestMesh): Promise<TestSidecar> {
  const secured = backend("foo", 443, "https", { skipClientCertValidation: false });
  const sidecar = await start(
    [
      policy([http], [range("127.0.0.0/29")], "test/plain"),
      policy([secured], [range("127.0.0.0/29"), principal(GATEWAY_NAME)], "test/secured"),
    ],
    { backends: [{ app: application.port }, { port: 443, app: application.port }], tls: mesh.own },
  );
  await sidecar.ready();
  const port = sidecar.port(443);
  const hostile = await mesh.authority.issue({ sans: [`uri:${HOSTILE_NAME}`] });
  await tryCall({ port, tls: { ca: mesh.authority.certPem, pair: hostile } });
  await tryCall({ port, tls: await mesh.caller(GATEWAY_NAME.replace("gw", "gx")) });
  await tryCall({ port, tls: { ca: mesh.authority.certPem } });
  for (const from of ["127.0.0.9", "127.0.0.10", "127.0.0.9"]) await tryCall({ port: sidecar.port(), from });
  await remembered(sidecar, 5);
  // Ends with the process.
  await connect({ port: sidecar.port() });
  return sidecar;
}

async function remembered(sidecar: TestSidecar, callers: number): Promise<void> {
  await until("the callers are remembered", async () => {
    const { peers } = await sidecar.adminJson<{ peers: readonly unknown[] }>("/peers");
    return peers.length >= callers;
  });
}
