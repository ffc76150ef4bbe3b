/** "Bring your own gateway": nginx and HAProxy with the example configurations as they are shipped. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { LARGE_BYTES } from "./application.ts";
import type { Ask, Told } from "./caller.ts";
import { cachedBinaries } from "../cluster/control-plane/build.ts";
import { Laboratory, type Refusal } from "./laboratory.ts";
import { Mesh, NAMES } from "./mesh.ts";
import type { Namespace } from "./network.ts";
import { addressOf } from "./pod.ts";
import { furnish, SECRETS, startGateway, versionOf, type Program } from "./own-gateway.ts";
import { installed } from "../support/debian-packages.ts";
import type { ControlPlaneProcess } from "../cluster/control-plane/process.ts";

const built = (await cachedBinaries(process.env)) !== undefined;
const EXTENSION = { nginx: "conf", haproxy: "cfg" } as const;
/** What a gateway says of a backend that closes on it. */
const GATEWAY_FAILURE = { nginx: 502, haproxy: 503 } as const;
/** HAProxy tells a broken handshake (503) from a connection that ends before its answer (502). */
const CLOSED = { nginx: 502, haproxy: 502 } as const;

const RELOAD = { nginx: "SIGHUP", haproxy: "SIGUSR2" } as const;

let lab: Laboratory;
let running: ControlPlaneProcess[] = [];

const through = (edge: Namespace): Ask => ({ url: `http://${edge.ipv4}:8080/`, headers: { host: NAMES.site } });

async function start(program: Program, mode: string): Promise<void> {
  for (const at of [lab.edge, lab.stranger])
    running.push(await startGateway(program, `${mode}.${EXTENSION[program]}`, at));
}

async function stop(): Promise<void> {
  // KILL would leave their workers behind.
  for (const gateway of running) await gateway.end("SIGTERM");
  running = [];
}

async function everythingPasses(): Promise<Record<string, string>> {
  const ask = through(lab.edge);
  const told = (await lab.client.ask(ask)) as Told;
  assert.equal(told.status, 200, `${JSON.stringify(told)}\n${running[0]?.output}\n${lab.pod.log.toString()}`);
  const large = (await lab.client.ask({ ...ask, url: `${ask.url}large` })) as Told;
  assert.equal(large.bytes, LARGE_BYTES);
  assert.equal(await lab.client.echo({ ...ask, url: ask.url.replace("http:", "ws:") }, "hello"), "hello");
  return (JSON.parse(told.body) as { readonly headers: Record<string, string> }).headers;
}

/** @returns what the gateway told its client */
async function refused(at: Namespace, refusal: Omit<Refusal, "from">): Promise<Told> {
  const since = lab.pod.log.lines.length;
  const told = (await lab.client.ask(through(at))) as Told;
  await lab.agree({ ...refusal, from: at }, since);
  return told;
}

before(async () => {
  if (!built) return;
  lab = await Laboratory.start();
  furnish(lab.pod.namespace);
  await lab.mesh.deliver(NAMES.edge, SECRETS);
  await lab.cluster.addService("gateways", "edge", 80, 8080);
  await lab.cluster.place({ namespace: "gateways", name: "edge-1", app: "edge", port: 8080 }, lab.edge);
});
after(() => lab?.[Symbol.asyncDispose]());

for (const program of ["nginx", "haproxy"] as const) {
  const version = installed(program) ? versionOf(program) : "";
  describe(`${program} ${version}`, { skip: built && version !== "" ? false : "not to be had here" }, () => {
    after(stop);

    test("http: the listed gateway passes, the other is refused, and so are both without a policy", async () => {
      await lab.cluster.delete("ingressbackend", "shop", "cart");
      await start(program, "http");
      const closed = await refused(lab.edge, { reason: "no-policy", verdict: "close" });
      assert.equal(closed.status, CLOSED[program]);
      await lab.applyPolicy("gateways/policy-http.yaml");
      await everythingPasses();
      const stranger = await refused(lab.stranger, {
        reason: "source-not-listed",
        verdict: "close",
        status: "committed",
      });
      assert.equal(stranger.status, CLOSED[program]);
    });

    test("http to an https backend: refused, with the reason", async () => {
      await lab.applyPolicy("gateways/policy-tls.yaml");
      const told = await refused(lab.edge, { reason: "tls-expected", verdict: "close", status: "committed" });
      assert.equal(told.status, CLOSED[program]);
      await stop();
    });

    test("TLS to an http backend: refused, with the reason", async () => {
      await lab.applyPolicy("gateways/policy-http.yaml");
      await start(program, "tls");
      const question = "&tls=true";
      const told = await refused(lab.edge, {
        question,
        reason: "tls-unexpected",
        verdict: "close",
        status: "committed",
      });
      assert.equal(told.status, GATEWAY_FAILURE[program]);
      await lab.applyPolicy("gateways/policy-tls.yaml");
      await stop();
    });

    test("TLS: it verifies the application's name and passes; the other gateway is refused", async () => {
      await start(program, "tls");
      const headers = await everythingPasses();
      assert.equal(headers["x-forwarded-client-cert"], undefined);
      const question = "&tls=true&no-cert=true";
      const told = await refused(lab.stranger, {
        question,
        reason: "source-not-listed",
        verdict: "close",
        status: "committed",
      });
      assert.equal(told.status, GATEWAY_FAILURE[program]);
    });

    test("no certificate where one is demanded: refused in the handshake", async () => {
      await lab.applyPolicy("gateways/policy-mtls.yaml");
      const told = await refused(lab.edge, {
        question: "&tls=true&no-cert=true",
        reason: "certificate-missing",
        verdict: "tls-alert",
        status: "committed",
      });
      assert.ok([502, 503].includes(told.status), String(told.status));
      await stop();
    });

    test("mTLS: its certificate is verified and told to the application; a certificate alone is not enough", async () => {
      await start(program, "mtls");
      const headers = await everythingPasses();
      assert.match(headers["x-forwarded-client-cert"] ?? "", /;DNS=edge\.gateways\.cluster\.local$/);
      const question = `&tls=true&san=dns:${NAMES.edge}`;
      await refused(lab.stranger, { question, reason: "source-not-listed", verdict: "close", status: "committed" });
    });

    test("mTLS: certificates of both sides are rotated under load, and no request fails", async (t) => {
      await lab.client.startLoad(through(lab.edge), 200);
      for (let round = 1; round <= 2; round += 1) {
        await present(NAMES.application);
        await lab.mesh.deliver(NAMES.edge, SECRETS);
        running[0]?.signal(RELOAD[program]);
        await delay(1_500);
      }
      const { sent, succeeded, failures, repeated, slowestMs } = await lab.client.stopLoad();
      t.diagnostic(
        `${sent} requests, ${repeated} repeated on another connection to the gateway, slowest ${Math.round(slowestMs)} ms`,
      );
      assert.deepEqual(failures, {}, running[0]?.output);
      assert.equal(succeeded, sent);
    });

    test("mTLS while the application is down: 503 of Postern's own, passed on", async () => {
      const since = lab.pod.log.lines.length;
      await lab.pod.stopServing();
      try {
        assert.equal(await lab.client.outcome(through(lab.edge)), 503);
        await lab.pod.log.next({ reason: "upstream-unreachable" }, { from: since });
        assert.match(
          await lab.pod.admin("/metrics"),
          /postern_requests_total\{.*reason="upstream-unreachable"\} [1-9]/,
        );
      } finally {
        await lab.pod.serve("127.0.0.1:80");
      }
    });

    test("mTLS with a principal that is not its own: 403 RBAC: access denied", async () => {
      await lab.applyPolicy("gateways/policy-mtls.yaml", (text) =>
        text.replace("name: edge.gateways", "name: other.gateways"),
      );
      const told = await refused(lab.edge, {
        question: `&tls=true&san=dns:${NAMES.edge}`,
        reason: "principal-not-listed",
        verdict: "forbidden",
        status: "committed",
      });
      assert.equal(told.status, 403);
      assert.equal(told.body, "RBAC: access denied");
    });

    test("a certificate of another CA with the right name: refused in the handshake", async () => {
      await lab.applyPolicy("gateways/policy-mtls.yaml");
      await stop();
      using others = await Mesh.create();
      const { cert, key } = await others.issue(NAMES.edge);
      writeFileSync(join(SECRETS, "tls.crt"), cert);
      writeFileSync(join(SECRETS, "tls.key"), key);
      try {
        await start(program, "mtls");
        const since = lab.pod.log.lines.length;
        assert.ok([502, 503].includes(Number(await lab.client.outcome(through(lab.edge)))));
        const line = await lab.pod.log.next({ reason: "certificate-untrusted" }, { from: since });
        assert.equal(line["verdict"], "tls-alert");
      } finally {
        await lab.mesh.deliver(NAMES.edge, SECRETS);
      }
    });

    test("an application whose certificate has another name is refused by the gateway", async () => {
      await lab.applyPolicy("gateways/policy-mtls.yaml");
      await stop();
      await present("basket.shop.cluster.local");
      try {
        const since = lab.pod.log.lines.length;
        await start(program, "mtls");
        const told = (await lab.client.ask(through(lab.edge))) as Told;
        assert.equal(told.status, GATEWAY_FAILURE[program]);
        // HAProxy tells it by an alert; nginx ends the handshake, looks at the name, and leaves without a request.
        if (program === "haproxy") await lab.pod.log.next({ end: "handshake-failed" }, { from: since });
        else {
          await lab.pod.log.next((line) => addressOf(line) === lab.edge.ipv4 && line["requests"] === 0, {
            from: since,
          });
          assert.match(
            running[0]?.output ?? "",
            /upstream SSL certificate does not match "cart\.shop\.cluster\.local"/,
          );
        }
      } finally {
        await present(NAMES.application);
      }
    });
  });
}

/** Gives the application another certificate and waits until it is in force. */
async function present(name: string): Promise<void> {
  const since = lab.pod.log.lines.length;
  await lab.mesh.deliver(name, lab.pod.directory);
  await lab.pod.log.next({ message: "certificate replaced" }, { from: since, timeoutMs: 30_000 });
}
