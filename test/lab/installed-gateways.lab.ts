/** nginx and HAProxy as pods of a mesh that `postern install` has made: their certificates are the controller's Secret. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { cachedBinaries } from "../cluster/control-plane/build.ts";
import { installed } from "../support/debian-packages.ts";
import type { Ask, Told } from "./caller.ts";
import { eventually, shipped } from "./cluster.ts";
import { InstalledCluster } from "./install/installed-cluster.ts";
import { Page } from "./install/page.ts";
import type { RunningPod } from "./kubelet/running-pod.ts";
import { NAMES } from "./mesh.ts";

const ROOT = join(import.meta.dirname, "../..");
const SECTION = "Another gateway:";
const APPLICATION = "cart.shop.svc.cluster.local";
const COMMANDS = {
  nginx: ["nginx", "-c", "/etc/gateway/mtls.conf", "-e", "stderr", "-g", "daemon off; error_log stderr;"],
  haproxy: ["haproxy", "-W", "-db", "-f", "/etc/gateway/mtls.cfg"],
} as const;
type Program = keyof typeof COMMANDS;
/** What each says of an application that closes the connection. */
const CLOSED = { nginx: 502, haproxy: 503 } as const;

const page = new Page(join(ROOT, "docs/getting-started.md"));
const built = (await cachedBinaries(process.env)) !== undefined;
let lab: InstalledCluster;

/** The application of the page, under the names of the examples in config/gateways. */
function renamed(text: string): string {
  return text
    .replaceAll("foo-service-account", "cart")
    .replaceAll(/(name|app): foo$/gm, "$1: cart")
    .replaceAll(/(namespace|name): test$/gm, "$1: shop");
}

/** There is no DNS here: the configuration as shipped, with the pod's address in the place of its Service's name. */
function configOf(program: Program): Readonly<Record<string, string>> {
  const file = program === "nginx" ? "mtls.conf" : "mtls.cfg";
  const text = readFileSync(join(ROOT, "config/gateways", program, file), "utf8");
  return { [file]: text.replaceAll(APPLICATION, lab.pod("shop", "cart-").namespace.ipv4) };
}

/** @param app what the Service `edge` selects, or not */
function deployment(program: Program, app: string): object {
  const name = `${program}-${app}`;
  const labels = { app, program };
  const at = (volume: string, mountPath: string): object => ({ name: volume, mountPath });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "gateways" },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              name: "gateway",
              image: `${program}:stable`,
              command: COMMANDS[program],
              volumeMounts: [
                at("config", "/etc/gateway"),
                at("certificates", "/var/run/secrets/gateway"),
                at("log", "/var/log/nginx"),
                at("lib", "/var/lib/nginx"),
              ],
            },
          ],
          volumes: [
            { name: "config", configMap: { name: program } },
            { name: "certificates", secret: { secretName: "edge-tls" } },
            { name: "log", emptyDir: {} },
            { name: "lib", emptyDir: {} },
          ],
        },
      },
    },
  };
}

const through = (gateway: RunningPod): Ask => ({
  url: `http://${gateway.namespace.ipv4}:8080/`,
  headers: { host: NAMES.site },
});

describe("an installed mesh", { skip: built ? false : "the control plane is not to be had here" }, () => {
  before(async () => {
    if (!built) return;
    lab = await InstalledCluster.start();
    page.writeFiles(lab.directory);
    await lab.cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "gateways" } });
    for (const line of page.commandsOf(SECTION)) await lab.follow(line);
    await lab.applyChanged("application.yaml", (text) =>
      renamed(text).replace("  name: shop\n", "  name: shop\n  labels: { openservicemesh.io/monitored-by: osm }\n"),
    );
    await lab.follow("kubectl -n shop rollout status deployment cart --timeout=120s");
    await lab.cluster.addService("gateways", "edge", 80, 8080);
    await lab.cluster.apply(...shipped("gateways/policy-mtls.yaml"));
  });
  after(() => lab?.[Symbol.asyncDispose]());

  for (const program of ["nginx", "haproxy"] as const)
    test(
      `lets in ${program} by the certificate of its Secret, and the same one from elsewhere or of another name not`,
      { skip: installed(program) ? false : `${program} is not installed` },
      async () => {
        await lab.cluster.apply({
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: program, namespace: "gateways" },
          data: configOf(program),
        });
        await lab.cluster.apply(deployment(program, "edge"), deployment(program, "stranger"));
        for (const app of ["edge", "stranger"])
          await lab.follow(`kubectl -n gateways rollout status deployment ${program}-${app} --timeout=120s`);
        const edge = lab.pod("gateways", `${program}-edge-`);
        assert.equal(edge.pod.spec.initContainers, undefined, "the gateway itself has no sidecar");

        const told = (await lab.answers(through(edge), 200)) as Told;
        const { headers } = JSON.parse(told.body) as { readonly headers: Readonly<Record<string, string>> };
        assert.match(headers["x-forwarded-client-cert"] ?? "", /DNS=edge\.gateways\.cluster\.local/);
        const stranger = lab.pod("gateways", `${program}-stranger-`);
        await lab.answers(through(stranger), CLOSED[program]);
        const refusal = new RegExp(`"reason":"source-not-listed".*"address":"${stranger.namespace.ipv4}"`);
        await eventually("the sidecar's log says why", async () =>
          refusal.test(lab.pod("shop", "cart-").logOf("postern")),
        );

        const [policy] = shipped("gateways/policy-mtls.yaml", (text) =>
          text.replace("name: edge.gateways.cluster.local", "name: other.gateways.cluster.local"),
        );
        await lab.cluster.apply(policy!);
        await lab.answers(through(edge), 403, "RBAC: access denied");
        await lab.cluster.apply(...shipped("gateways/policy-mtls.yaml"));
        await lab.answers(through(edge), 200);
      },
    );
});
