/** What a certificate request at a real API server gets from the controller: a certificate, or a condition that says why not. */
import assert from "node:assert/strict";
import { webcrypto, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  type Extension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  type JsonGeneralNames,
} from "@peculiar/x509";
import { requestedCredentials } from "../../src/certificate-request/requested-credentials.ts";
import { readAuthority } from "../../src/controller/certificate-authority/authority.ts";
import { createAuthority } from "../../src/controller/certificate-authority/create-authority.ts";
import { MONITORED_LABEL } from "../../src/policy/monitored-label.ts";
import { REQUEST_USAGES } from "../../src/controller/signer/judge-request.ts";
import { Signer } from "../../src/controller/signer/signer.ts";
import { ApiClient } from "../../src/api-server/client.ts";
import { SYSTEM_CLOCK } from "../../src/api-server/clock.ts";
import { Outage } from "../../src/api-server/watch/outage.ts";
import { Report } from "../../src/api-server/watch/report.ts";
import { DEFAULT_TIMING } from "../../src/api-server/timing.ts";
import { createLog } from "../../src/telemetry/log.ts";
import type { Credentials } from "../../src/tls/credentials.ts";
import type { ApiObject } from "../support/api-server/api-caller.ts";
import { HeldCredentials } from "../support/api-server/test-cluster.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { until } from "../support/until.ts";
import { type ControllerReplica, MeshCluster, NAMES, podOf } from "./mesh-cluster.ts";

const PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

let cluster: MeshCluster;
let replica: ControllerReplica | undefined;
let token = "";
let requests = 0;

before(async () => {
  cluster = await MeshCluster.start();
  // Its webhooks are not reached in this file: pods are made before the namespace is labelled.
  await cluster.namespace("test");
  await cluster.account("test", "shop");
  const pod = await cluster.api.create(podOf("test", "shop-1", "shop"));
  await cluster.namespace("test", { [MONITORED_LABEL]: "osm" });
  replica = await cluster.replica("one");
  await replica.ready();
  token = await cluster.token("test", "shop", pod);
  await until("the account may ask", async () => {
    const binding = await cluster.read(
      "rbac.authorization.k8s.io/v1",
      "ClusterRoleBinding",
      "",
      NAMES.sidecarClusterRole,
    );
    return JSON.stringify(binding?.["subjects"] ?? []).includes(":test");
  });
});

after(async () => {
  await replica?.[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

async function content(names: JsonGeneralNames, ...more: readonly Extension[]): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: P256,
    extensions: [new SubjectAlternativeNameExtension(names), ...more],
  });
  return Buffer.from(`${request.toString("pem")}\n`).toString("base64");
}

const own: JsonGeneralNames = [{ type: "dns", value: "shop.test.cluster.local" }];

interface Condition {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

interface Outcome {
  readonly certificate?: string;
  readonly conditions: readonly Condition[];
}

function outcomeOf(object: ApiObject): Outcome {
  const { certificate, conditions = [] } = (object.status ?? {}) as Partial<Outcome>;
  return { conditions, ...(certificate !== undefined && { certificate }) };
}

async function ask(as: string, spec: object): Promise<string> {
  requests += 1;
  const name = `request-${requests}`;
  await cluster.as(as).ask("POST", PATH, {
    apiVersion: "certificates.k8s.io/v1",
    kind: "CertificateSigningRequest",
    metadata: { name },
    spec: { signerName: NAMES.signer, usages: REQUEST_USAGES, ...spec },
  });
  return name;
}

async function answered(name: string, isAnswer: (outcome: Outcome) => boolean): Promise<Outcome> {
  let outcome: Outcome = { conditions: [] };
  await until(`the request ${name} is answered`, async () => {
    outcome = outcomeOf(await cluster.api.ask("GET", `${PATH}/${name}`));
    return isAnswer(outcome);
  });
  return outcome;
}

const isOver = ({ certificate, conditions }: Outcome): boolean =>
  certificate !== undefined || conditions.some(({ type }) => type === "Denied" || type === "Failed");

describe("a certificate is signed", () => {
  test("for the pod's own account, for a day, and says who asked", async () => {
    const name = await ask(token, { request: await content(own) });
    const { certificate = "", conditions } = await answered(name, isOver);
    assert.deepEqual(
      conditions.map(({ type, reason }) => [type, reason]),
      [["Approved", "PodOfTheAccount"]],
    );
    assert.match(conditions[0]?.message ?? "", /pod shop-1/);
    const issued = new X509Certificate(Buffer.from(certificate, "base64"));
    const { "ca.crt": bundle = "" } = await cluster.secret("osm-ca-bundle", "ca.crt");
    assert.ok(issued.verify(new X509Certificate(bundle).publicKey));
    assert.equal(issued.subjectAltName, "DNS:shop.test.cluster.local");
    assert.deepEqual(issued.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    assert.equal(issued.ca, false);
    assert.ok(Math.abs(issued.validToDate.getTime() - Date.now() - 86_400_000) < 120_000);
  });

  test("for less when less is asked for", async () => {
    const name = await ask(token, { request: await content(own), expirationSeconds: 3_600 });
    const { certificate = "" } = await answered(name, isOver);
    const issued = new X509Certificate(Buffer.from(certificate, "base64"));
    assert.ok(Math.abs(issued.validToDate.getTime() - Date.now() - 3_600_000) < 120_000);
  });

  test("for fifty pods at once", async () => {
    const request = await content(own);
    const names = await Promise.all(Array.from({ length: 50 }, () => ask(token, { request })));
    for (const name of names) assert.ok((await answered(name, isOver)).certificate !== undefined);
  });
});

describe("a request is denied", () => {
  const denied: readonly (readonly [string, () => Promise<object>, RegExp, string?])[] = [
    [
      "for another account",
      async () => ({ request: await content([{ type: "dns", value: "other.test.cluster.local" }]) }),
      /WrongRequest: .*expected dns:shop\.test\.cluster\.local alone/,
    ],
    [
      "for a name more",
      async () => ({
        request: await content([...own, { type: "dns", value: "osm-contour-envoy.osm-system.cluster.local" }]),
      }),
      /WrongRequest: .*alone/,
    ],
    [
      "for a CA",
      async () => ({ request: await content(own, new BasicConstraintsExtension(true, undefined, true)) }),
      /WrongRequest: .*CA:true/,
    ],
    [
      "with a usage too few",
      async () => ({ request: await content(own), usages: ["digital signature", "server auth"] }),
      /WrongUsages: .*expected exactly/,
    ],
    [
      "with a usage too many",
      async () => ({ request: await content(own), usages: [...REQUEST_USAGES, "cert sign"] }),
      /WrongUsages/,
    ],
    [
      "when it is huge",
      async () => ({
        request: await content(Array.from({ length: 2_000 }, (_, n) => ({ type: "dns", value: `n${n}.test` }))),
      }),
      /WrongRequest: the request has \d+ characters/,
    ],
  ];
  for (const [about, spec, expected] of denied) {
    test(about, async () => {
      const { certificate, conditions } = await answered(await ask(token, await spec()), isOver);
      assert.equal(certificate, undefined);
      assert.deepEqual(
        conditions.map(({ type }) => type),
        ["Denied"],
      );
      assert.match(`${conditions[0]?.reason}: ${conditions[0]?.message}`, expected);
    });
  }

  test("with a token that is bound to no pod", async () => {
    const unbound = await cluster.token("test", "shop");
    const { conditions } = await answered(await ask(unbound, { request: await content(own) }), isOver);
    assert.match(conditions[0]?.message ?? "", /bound to no pod/);
  });

  test("by an administrator, and from a namespace that is not of the mesh", async () => {
    const byAdmin = await answered(await ask("administrator", { request: await content(own) }), isOver);
    assert.equal(byAdmin.conditions[0]?.reason, "NotAPod");
    await cluster.account("other", "shop");
    const pod = await cluster.api.create(podOf("other", "shop-1", "shop"));
    await cluster.api.apply({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "other-may-ask" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: NAMES.sidecarClusterRole },
      subjects: [{ kind: "ServiceAccount", name: "shop", namespace: "other" }],
    });
    const names: JsonGeneralNames = [{ type: "dns", value: "shop.other.cluster.local" }];
    const request = await content(names);
    const outside = await cluster.token("other", "shop", pod);
    await until("it may ask", async () => (await cluster.as(outside).call("GET", `${PATH}/request-1`)).status === 200);
    const { conditions } = await answered(await ask(outside, { request }), isOver);
    assert.equal(conditions[0]?.reason, "NotInMesh");
  });

  test("also when somebody else has approved it: then it has failed, unsigned", async () => {
    const request = await content([{ type: "dns", value: "admin.test.cluster.local" }]);
    // Suspended, so that the approval comes first.
    replica?.child.kill("SIGSTOP");
    const name = await ask(token, { request });
    const object = await cluster.api.ask("GET", `${PATH}/${name}`);
    const condition = { type: "Approved", status: "True", reason: "ByHand", message: "by hand" };
    await cluster.api.ask("PUT", `${PATH}/${name}/approval`, { ...object, status: { conditions: [condition] } });
    replica?.child.kill("SIGCONT");
    const { certificate, conditions } = await answered(name, isOver);
    assert.equal(certificate, undefined);
    assert.deepEqual(conditions.map(({ type }) => type).sort(), ["Approved", "Failed"]);
  });

  test("a request of another signer is left alone", async () => {
    const request = await content(own);
    const name = await ask(token, { request, signerName: "postern.dev/another" });
    await answered(await ask(token, { request }), isOver);
    assert.deepEqual(outcomeOf(await cluster.api.ask("GET", `${PATH}/${name}`)).conditions, []);
  });
});

describe("a sidecar's credentials", () => {
  const signerName = "postern.dev/another";

  /** Asks as the pod; what it gets is written into the returned list, failures as text. */
  async function follow(directory: string): Promise<{ readonly got: (Credentials | string)[]; stop(): void }> {
    const server = new URL(`https://127.0.0.1:${cluster.plane.port}`);
    const api = new HeldCredentials(Number(server.port), token, cluster.plane.authority.certPem);
    const source = requestedCredentials({
      asked: { signer: signerName, name: "shop.test.cluster.local", ca: join(directory, "ca.crt") },
      podName: "shop-1",
      api,
      pace: { leastPauseMs: 200, mostPauseMs: 400, pollMs: 200 },
    });
    assert.equal(await source.first(), undefined);
    const got: (Credentials | string)[] = [];
    const watch = source.follow(undefined, {
      onCredentials: (credentials) => got.push(credentials),
      onFailure: ({ message }) => got.push(message),
      onRecovery: () => got.push("recovered"),
    });
    return { got, stop: () => watch.stop() };
  }

  test("tell why they were denied, come when they are granted, and are renewed with a new key", async () => {
    using directory = temporaryDirectory();
    const { cert, key } = await createAuthority({ meshName: "another", now: Date.now(), validityMs: 3_600_000 });
    const authority = await readAuthority("the test", { cert, key }, Date.now());
    await cluster.api.apply({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "shop-may-ask" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: NAMES.sidecarClusterRole },
      subjects: [{ kind: "ServiceAccount", name: "shop", namespace: "test" }],
    });
    let isMonitored = false;
    const clock = SYSTEM_CLOCK;
    const log = createLog("error", () => undefined);
    const admin = new HeldCredentials(cluster.plane.port, "administrator", cluster.plane.authority.certPem);
    const client = new ApiClient({ credentials: admin, timing: DEFAULT_TIMING });
    const outage = new Outage(clock, Math.random, DEFAULT_TIMING);
    const report = new Report(log, clock);
    const environment = { client, clock, random: Math.random, report, timing: DEFAULT_TIMING, outage };
    const signer = new Signer(environment, {
      client,
      log,
      signer: signerName,
      // Certificates begin five minutes before they are issued: two thirds of this life are over at once.
      rules: () => ({ trustDomain: "cluster.local", validityMs: 60_000, isMonitored: () => isMonitored }),
      onChange: () => void signer.answerAll(authority, Date.now(), AbortSignal.timeout(30_000)).catch(() => undefined),
    });
    signer.start();
    const followed = await follow(directory.path);
    const { got } = followed;
    try {
      await until("it is denied", () =>
        got.some((one) => typeof one === "string" && /Denied: the namespace test/.test(one)),
      );
      isMonitored = true;
      await until("the bundle is missed", () =>
        got.some((one) => typeof one === "string" && /Cannot read --tls-ca/.test(one)),
      );
      writeFileSync(join(directory.path, "ca.crt"), cert);
      const granted = (): readonly Credentials[] => got.filter((one) => typeof one !== "string");
      await until("it is granted and renewed", () => granted().length >= 2);
      const [first, second] = granted();
      assert.deepEqual(first?.names, ["dns:shop.test.cluster.local"]);
      assert.notEqual(first?.key, second?.key);
    } finally {
      followed.stop();
      await signer.stop();
      await client.close();
    }
  });
});
