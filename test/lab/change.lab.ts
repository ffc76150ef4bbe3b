/** Change while it runs: a gateway's pod is replaced, and certificates of both sides are, under 200 requests a second. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Ask, LoadReport } from "./caller.ts";
import { Caller } from "./caller-handle.ts";
import { eventually } from "./cluster.ts";
import { contourPrograms } from "./contour/lacking.ts";
import { startWalkthrough } from "./contour/walkthrough.ts";
import { CONTOUR_VERSION } from "./contour/obtain-contour.ts";
import { ENVOY_VERSION } from "./contour/obtain-envoy.ts";
import { Laboratory } from "./laboratory.ts";
import { NAMES, tlsSecret } from "./mesh.ts";
import type { Namespace } from "./network.ts";

const PER_SECOND = 200;
/** From the slice that the API server shows to the first request that passes, and to the last connection that is cut. */
const PROPAGATION_MS = 1_000;
const programs = await contourPrograms();

let lab: Laboratory;
let other: Caller;
let leaving: Namespace;
let coming: Namespace;

const through = (edge: Namespace): Ask => ({ url: `http://${edge.ipv4}:8080/`, headers: { host: NAMES.site } });

function nothingIsLost(load: LoadReport, forMs: number): void {
  assert.deepEqual(load.failures, {}, lab.pod.log.toString());
  assert.equal(load.succeeded, load.sent);
  assert.ok(load.sent >= (forMs / 1_000) * PER_SECOND * 0.9, `${load.sent} requests in ${forMs} ms`);
}

/** What the application is told of the edge's certificate, its hash among it. */
async function shown(): Promise<string> {
  const told = await other.ask(through(lab.edge));
  const { headers } = JSON.parse("body" in told ? told.body : "{}") as { readonly headers?: Record<string, string> };
  return headers?.["x-forwarded-client-cert"] ?? "";
}

async function whenListed(address: string, listed: boolean): Promise<void> {
  const path = "/apis/discovery.k8s.io/v1/namespaces/projectcontour/endpointslices";
  await eventually(`${address} is ${listed ? "" : "not "}in the slices`, async () => {
    const slices = await lab.cluster.plane.api.ask("GET", path);
    return JSON.stringify(slices).includes(`"${address}"`) === listed;
  });
}

describe(
  `Change under load, Contour ${CONTOUR_VERSION}, Envoy ${ENVOY_VERSION}`,
  { skip: typeof programs === "string" ? programs : false },
  () => {
    before(async () => {
      if (typeof programs === "string") return;
      lab = await Laboratory.start();
      const { edge, network } = lab;
      leaving = await network.add("leaving", 13);
      coming = await network.add("coming", 14);
      other = lab.use(new Caller(await network.add("other-client", 21)));
      await startWalkthrough(lab, programs, { listed: [edge, leaving], unlisted: [coming] });
      await lab.applyPolicy("contour/mtls.yaml");
      for (const at of [edge, leaving])
        await eventually(`${at.name} passes`, async () => (await lab.client.outcome(through(at))) === 200);
      await eventually("the coming edge is routed", async () => (await lab.client.outcome(through(coming))) === 503);
    });
    after(() => lab?.[Symbol.asyncDispose]());

    test("an edge's pod is replaced: the new one passes, the old one is cut, the one that stays loses nothing", async (t) => {
      assert.equal(await other.hold({ ...through(leaving), url: `${through(leaving).url}events` }), 200);
      await lab.client.startLoad(through(lab.edge), PER_SECOND);
      const started = performance.now();
      await delay(1_000);

      await lab.cluster.removePod("projectcontour", "envoy-leaving");
      await whenListed(leaving.ipv4, false);
      const cut = await other.held();
      assert.ok(cut.afterMs < PROPAGATION_MS, `cut after ${cut.afterMs} ms`);
      // Each data thread cuts by itself: the edge may keep a connection to another one for a moment longer.
      const refused = await eventually(
        "the old edge is refused by every thread",
        async () => (await other.outcome(through(leaving))) !== 200,
      );
      assert.ok(refused < PROPAGATION_MS, `refused after ${refused} ms`);

      await lab.cluster.place({ namespace: "projectcontour", name: "envoy-coming", app: "envoy", port: 8080 }, coming);
      await whenListed(coming.ipv4, true);
      const passes = await eventually(
        "the new edge passes",
        async () => (await other.outcome(through(coming))) === 200,
      );
      assert.ok(passes < PROPAGATION_MS, `passes after ${passes} ms`);

      await delay(1_000);
      const load = await lab.client.stopLoad();
      t.diagnostic(
        `old edge cut ${Math.round(cut.afterMs)} ms and new edge let in ${Math.round(passes)} ms after the slice; ${load.sent} requests, slowest ${Math.round(load.slowestMs)} ms`,
      );
      nothingIsLost(load, performance.now() - started);
    });

    test("certificates of both sides are rotated, three times each: no request fails", async (t) => {
      await lab.client.startLoad(through(lab.edge), PER_SECOND);
      const started = performance.now();
      for (let round = 1; round <= 3; round += 1) {
        const since = lab.pod.log.lines.length;
        await lab.mesh.deliver(NAMES.application, lab.pod.directory);
        await lab.pod.log.next({ message: "certificate replaced" }, { from: since, timeoutMs: 30_000 });
        const before = await shown();
        await lab.cluster.apply(tlsSecret("projectcontour", "envoy-client-cert", await lab.mesh.issue(NAMES.contour)));
        await eventually("the edge shows its new certificate", async () => (await shown()) !== before);
        await delay(1_000);
      }
      const load = await lab.client.stopLoad();
      t.diagnostic(`${load.sent} requests, slowest ${Math.round(load.slowestMs)} ms`);
      nothingIsLost(load, performance.now() - started);
    });
  },
);
