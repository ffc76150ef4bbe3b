/** The demonstrations of OSM's documentation, with Contour and Envoy: each works, and fails where it is meant to fail. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Ask, Told } from "./caller.ts";
import { LARGE_BYTES } from "./application.ts";
import { eventually, shipped } from "./cluster.ts";
import { contourPrograms } from "./contour/lacking.ts";
import { startWalkthrough } from "./contour/walkthrough.ts";
import { CONTOUR_VERSION } from "./contour/obtain-contour.ts";
import { ENVOY_VERSION } from "./contour/obtain-envoy.ts";
import { Laboratory } from "./laboratory.ts";
import { NAMES } from "./mesh.ts";

const programs = await contourPrograms();

let lab: Laboratory;
let site: Ask;
let throughEdge: Ask;
let throughStranger: Ask;

/** Contour tells its Envoys in its own time: whoever asks awaits the answer that is meant to come. */
async function settles(ask: Ask, expected: number, because = ""): Promise<Told> {
  let told: Told | undefined;
  await eventually(`${ask.url} answers ${expected} ${because}`, async () => {
    const answer = await lab.client.ask(ask);
    if ("error" in answer || answer.status !== expected || !answer.body.includes(because)) return false;
    told = answer;
    return true;
  }).catch(async (error: unknown) => {
    const { message } = error as Error;
    assert.fail(`${message}; at last ${JSON.stringify(await lab.client.ask(ask))}\n${lab.pod.log.toString()}`);
  });
  return told as unknown as Told;
}

/** Every shape of traffic through the whole chain. */
async function everythingPasses(): Promise<void> {
  await settles(throughEdge, 200);
  for (const http2 of [false, true]) {
    const told = await settles({ ...site, http2 }, 200);
    assert.equal(told.httpVersion, http2 ? "2.0" : "1.1");
    const large = (await lab.client.ask({ ...site, http2, url: `${site.url}large` })) as Told;
    assert.equal(large.bytes, LARGE_BYTES);
  }
  const socket = { ...throughEdge, url: throughEdge.url.replace("http:", "ws:") };
  assert.equal(await lab.client.echo(socket, "is anybody there?"), "is anybody there?");
}

/** The second edge gets its routes from the same Contour, and is in no list. */
async function theStrangerIsRefused(question: string): Promise<void> {
  const since = lab.pod.log.lines.length;
  await settles(throughStranger, 503, "upstream connect error");
  await lab.agree(
    { from: lab.stranger, question, reason: "source-not-listed", verdict: "close", status: "committed" },
    since,
  );
}

describe(
  `Contour ${CONTOUR_VERSION} and Envoy ${ENVOY_VERSION}`,
  { skip: typeof programs === "string" ? programs : false },
  () => {
    before(async () => {
      if (typeof programs === "string") return;
      lab = await Laboratory.start();
      const { mesh, edge, stranger } = lab;
      const headers = { host: NAMES.site };
      throughEdge = { url: `http://${edge.ipv4}:8080/`, headers };
      throughStranger = { url: `http://${stranger.ipv4}:8080/`, headers };
      site = { url: `https://${edge.ipv4}:8443/`, headers, ca: mesh.ca, servername: NAMES.site };
      await startWalkthrough(lab, programs, { listed: [edge], unlisted: [stranger] });
    });
    after(() => lab?.[Symbol.asyncDispose]());

    test("without an IngressBackend nobody is let in", async () => {
      const since = lab.pod.log.lines.length;
      await lab.cluster.apply(...shipped("contour/http.yaml").filter(({ kind }) => kind === "HTTPProxy"));
      await settles(throughEdge, 503, "upstream connect error");
      await lab.agree({ from: lab.edge, reason: "no-policy", verdict: "close" }, since);
    });

    test("(a) http with a Service source: the listed edge passes, the other is refused", async () => {
      await lab.applyPolicy("contour/http.yaml");
      await everythingPasses();
      const told = (await lab.client.ask(throughEdge)) as Told;
      const { headers } = JSON.parse(told.body) as { readonly headers: Record<string, string> };
      assert.equal(headers["x-forwarded-client-cert"], undefined);
      await theStrangerIsRefused("");
    });

    test("(b) https without a client certificate: the listed edge passes, the other is refused", async () => {
      await lab.applyPolicy("contour/https.yaml");
      await everythingPasses();
      await theStrangerIsRefused("&tls=true&no-cert=true");
    });

    test("(b) a wrong subjectName: Contour refuses the backend, and the log says that the gateway did", async () => {
      const since = lab.pod.log.lines.length;
      await lab.cluster.apply(
        ...shipped("contour/https.yaml", (text) => text.replace("subjectName: cart.", "subjectName: basket.")),
      );
      await settles(throughEdge, 503, "upstream connect error");
      const line = await lab.pod.log.next({ end: "handshake-failed" }, { from: since });
      assert.match(String(line["detail"]), /ALERT_CERTIFICATE_UNKNOWN/);
    });

    test("(c) https with an AuthenticatedPrincipal: the edge's certificate is verified, and the application is told", async () => {
      await lab.applyPolicy("contour/mtls.yaml");
      await everythingPasses();
      const told = (await lab.client.ask(throughEdge)) as Told;
      const { headers } = JSON.parse(told.body) as { readonly headers: Record<string, string> };
      assert.match(headers["x-forwarded-client-cert"] ?? "", /^Hash=[0-9a-f]{64};DNS=envoy\.projectcontour\./);
      await theStrangerIsRefused(`&tls=true&san=dns:${NAMES.contour}`);
    });

    test("(c) a wrong principal: 403 RBAC: access denied, seen through Contour", async () => {
      const since = lab.pod.log.lines.length;
      await lab.applyPolicy("contour/mtls.yaml", (text) =>
        text.replace("name: envoy.projectcontour.", "name: other.projectcontour."),
      );
      const told = await settles(throughEdge, 403, "RBAC: access denied");
      assert.equal(told.body, "RBAC: access denied");
      const line = await lab.agree(
        {
          from: lab.edge,
          question: `&tls=true&san=dns:${NAMES.contour}`,
          reason: "principal-not-listed",
          verdict: "forbidden",
          status: "committed",
        },
        since,
      );
      assert.match(line, /the nearest listed name is 'other\.projectcontour\.cluster\.local'/);
    });

    test("(c) a source Service that does not exist: everybody is refused, and the status names it", async () => {
      const since = lab.pod.log.lines.length;
      await lab.applyPolicy("contour/mtls.yaml", (text) => text.replace("name: envoy\n", "name: nowhere\n"));
      await settles(throughEdge, 503, "upstream connect error");
      const question = `&tls=true&san=dns:${NAMES.contour}`;
      await lab.agree(
        { from: lab.edge, question, reason: "source-without-endpoints", verdict: "close", status: "error" },
        since,
      );
      const status = await lab.cluster.policyStatus();
      assert.match(status?.reason ?? "", /endpoints not found for service projectcontour\/nowhere/);
    });
  },
);
