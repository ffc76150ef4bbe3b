/** TLS through the Gateway API: Gateway, HTTPRoute and BackendTLSPolicy, served by Contour as far as it goes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { LARGE_BYTES } from "./application.ts";
import type { Ask, Told } from "./caller.ts";
import { eventually, shipped, SHOP } from "./cluster.ts";
import { ContourEdge } from "./contour/contour.ts";
import { contourPrograms } from "./contour/lacking.ts";
import { CONTOUR_VERSION } from "./contour/obtain-contour.ts";
import { ENVOY_VERSION } from "./contour/obtain-envoy.ts";
import { Laboratory } from "./laboratory.ts";
import { NAMES, tlsSecret } from "./mesh.ts";

const EXAMPLE = "contour/gateway-api.yaml";
const programs = await contourPrograms();

let lab: Laboratory;
let gateway: ContourEdge;
let ask: Ask;

async function settles(expected: number, words = ""): Promise<Told> {
  let told: unknown;
  try {
    await eventually(`the edge answers ${expected}`, async () => {
      told = await lab.client.ask(ask);
      const answer = told as Partial<Told>;
      return answer.status === expected && (answer.body ?? "").includes(words);
    });
  } catch (error) {
    const status = await lab.cluster.kubectl([
      "get",
      "backendtlspolicy,httproute",
      "-A",
      "-o",
      "jsonpath={.items[*].status}",
    ]);
    assert.fail(`${String(error)}: ${JSON.stringify(told)}\n${status}\n${gateway.output}\n${lab.pod.log.toString()}`);
  }
  return told as Told;
}

describe(
  `Gateway API, Contour ${CONTOUR_VERSION}, Envoy ${ENVOY_VERSION}`,
  { skip: typeof programs === "string" ? programs : false },
  () => {
    before(async () => {
      if (typeof programs === "string") return;
      lab = await Laboratory.start();
      const { cluster, mesh, edge } = lab;
      ask = { url: `http://${edge.ipv4}:8080/`, headers: { host: NAMES.site } };
      await cluster.addService("projectcontour", "envoy", 80, 8080);
      await cluster.place({ namespace: "projectcontour", name: "envoy-1", app: "envoy", port: 8080 }, edge);
      for (const definitions of [
        ["-f", programs.contour.definitions],
        ["-k", programs.contour.gatewayDefinitions],
      ])
        await cluster.kubectl(["apply", "--server-side", ...definitions]);
      await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all"]);
      await cluster.apply(
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { namespace: SHOP.namespace, name: "osm-ca-bundle" },
          data: { "ca.crt": mesh.ca },
        },
        tlsSecret("projectcontour", "envoy-client-cert", await mesh.issue(NAMES.contour)),
        ...shipped(EXAMPLE).filter(({ kind }) => kind !== "IngressBackend"),
      );
      const config = join(import.meta.dirname, "../../config/contour/contour-gateway-api.yaml");
      gateway = lab.use(await ContourEdge.start(cluster, { ...programs, config, gatewayApi: true }));
      await gateway.addEnvoy(edge);
    });
    after(() => lab?.[Symbol.asyncDispose]());

    test("without an IngressBackend nobody is let in", async () => {
      const since = lab.pod.log.lines.length;
      await settles(503, "upstream connect error");
      await lab.agree(
        { from: lab.edge, question: "&tls=true&no-cert=true", reason: "no-policy", verdict: "close" },
        since,
      );
    });

    test("(d) TLS: Contour verifies the application by its BackendTLSPolicy, and everything passes", async () => {
      await lab.applyPolicy(EXAMPLE);
      await settles(200);
      const large = (await lab.client.ask({ ...ask, url: `${ask.url}large` })) as Told;
      assert.equal(large.bytes, LARGE_BYTES);
      assert.equal(await lab.client.echo({ ...ask, url: ask.url.replace("http:", "ws:") }, "hello"), "hello");
    });

    // What Contour lacks. When this fails, config/contour/gateway-api.yaml can demand the edge's certificate.
    test("(d) where its certificate is demanded, Contour shows none for an HTTPRoute, and is refused", async () => {
      const since = lab.pod.log.lines.length;
      const principal = `    - kind: AuthenticatedPrincipal\n      name: ${NAMES.contour}\n`;
      await lab.applyPolicy(EXAMPLE, (text) =>
        text.replace("skipClientCertValidation: true", "skipClientCertValidation: false").concat(principal),
      );
      await settles(503, "upstream connect error");
      const expected = { reason: "certificate-missing", verdict: "tls-alert", status: "committed" } as const;
      await lab.agree({ from: lab.edge, question: "&tls=true&no-cert=true", ...expected }, since);
    });

    test("(d) a wrong hostname in the BackendTLSPolicy: Contour refuses the backend", async () => {
      const since = lab.pod.log.lines.length;
      await lab.applyPolicy(EXAMPLE, (text) => text.replace("hostname: cart.shop.", "hostname: basket.shop."));
      await settles(503, "upstream connect error");
      await lab.pod.log.next({ end: "handshake-failed" }, { from: since });
    });
  },
);
