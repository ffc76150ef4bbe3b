import assert from "node:assert/strict";
import { connect } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BroadcastChannel } from "node:worker_threads";
import { startAdmin, type AdminServers } from "../../src/admin/admin.ts";
import { runExplain } from "../../src/cli/explain.ts";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Discovery, DiscoveryListener, ResourceHealth } from "../../src/discovery/discovery.ts";
import { listOf } from "../../src/discovery/manifests/kinds.ts";
import { buildWorld, type WorldObjects } from "../../src/discovery/world.ts";
import type { World } from "../../src/policy/model.ts";
import type { PolicyStatus } from "../../src/policy/snapshot.ts";
import { Sidecar } from "../../src/sidecar.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { makeCertificate } from "../support/mesh/certificates.ts";
import {
  backend,
  http,
  mutual,
  namespaceObject,
  policy,
  principal,
  range,
  service,
  slice,
  type Manifest,
} from "../support/mesh/objects.ts";
import { runCommand } from "../support/process/command.ts";
import { freePorts } from "../support/process/ports.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { FAULTS, type Fault } from "../support/thread/faults.ts";
import { until } from "../support/until.ts";

/** Worlds, their age and what is published of them, in the hands of a test. */
class HeldDiscovery implements Discovery {
  listener: DiscoveryListener | undefined;
  freshAt = Date.now();
  statuses: readonly PolicyStatus[] = [];

  start(listener: DiscoveryListener): Promise<void> {
    this.listener = listener;
    return Promise.resolve();
  }

  health(): readonly ResourceHealth[] {
    return [{ resource: "held", synced: true, freshAt: this.freshAt }];
  }

  publishStatuses(statuses: readonly PolicyStatus[]): void {
    this.statuses = statuses;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

function worldOf(objects: readonly Manifest[]): World {
  const of = (list: keyof WorldObjects): readonly unknown[] => objects.filter((object) => listOf(object) === list);
  return buildWorld({
    ingressBackends: of("ingressBackends"),
    services: of("services"),
    endpointSlices: of("endpointSlices"),
    endpoints: of("endpoints"),
    namespaces: of("namespaces"),
  });
}

/** What one place says of a port. */
interface Said {
  readonly reason: string;
  readonly words: string;
}

/** A sidecar in this process, with real threads, listeners and admin port. */
class Truth implements AsyncDisposable {
  readonly discovery: HeldDiscovery;
  readonly sidecar: Sidecar;
  readonly lines: string[];
  readonly #admin: AdminServers;
  readonly #listen: number;

  private constructor(parts: {
    discovery: HeldDiscovery;
    sidecar: Sidecar;
    lines: string[];
    admin: AdminServers;
    listen: number;
  }) {
    this.discovery = parts.discovery;
    this.sidecar = parts.sidecar;
    this.lines = parts.lines;
    this.#admin = parts.admin;
    this.#listen = parts.listen;
  }

  static async start(settings: Readonly<Record<string, string>>, more: object = {}): Promise<Truth> {
    const [listen = 0] = await freePorts(1);
    const all = {
      manifests: "/nowhere",
      namespace: "test",
      service: "foo",
      backend: `port=80,listen=127.0.0.1:${listen}`,
      admin: "127.0.0.1:0",
      "mesh-name": "osm",
      ...settings,
    };
    const raw = Object.entries(all).map(([name, text]) => [name, { texts: [text], origin: `--${name}` }] as const);
    const config: Config = { ...parseConfig(new Map(raw), { parallelism: 1, inCluster: false }), ...more };
    const lines: string[] = [];
    const discovery = new HeldDiscovery();
    const logging = openLog("info", (text, done) => {
      lines.push(text);
      done();
    });
    const sidecar = new Sidecar(config, logging, discovery);
    const admin = await startAdmin(sidecar);
    await sidecar.start();
    return new Truth({ discovery, sidecar, lines, admin, listen });
  }

  get adminUrl(): string {
    return `http://127.0.0.1:${this.#admin.admin.port}`;
  }

  /** Returns when the thread judges by it. */
  async show(...objects: readonly Manifest[]): Promise<void> {
    this.discovery.listener?.onWorld(worldOf(objects), ["foo"]);
    await until(
      "the thread has the snapshot",
      () => this.sidecar.dataPlane?.appliedVersion() === this.sidecar.snapshot.version,
    );
  }

  async page(path: string): Promise<string> {
    return (await fetch(`${this.adminUrl}${path}`)).text();
  }

  /** The data path: what the line of a real connection says. */
  async connection(): Promise<Said> {
    const from = this.lines.length;
    const socket = connect({ host: "127.0.0.1", port: this.#listen }).on("error", () => {});
    await new Promise((resolve) => socket.once("close", resolve));
    const record = (): Record<string, unknown> | undefined =>
      this.lines
        .slice(from)
        .join("")
        .split("\n")
        .filter((line) => line.includes(`"event":"connection"`))
        .map((line) => JSON.parse(line) as Record<string, unknown>)[0];
    await until("the line of the connection", () => record() !== undefined);
    return { reason: String(record()?.["reason"]), words: String(record()?.["nearest"]) };
  }

  async explained(port: number, from = "10.0.0.9"): Promise<Said> {
    const text = await this.page(`/explain?port=${port}&from=${from}`);
    const { reason, nearest } = JSON.parse(text) as { reason: string; nearest: string };
    const { stdout, code } = await runCommand(
      runExplain,
      `--admin=${this.adminUrl}`,
      `--port=${port}`,
      `--from=${from}`,
      "--json",
    );
    assert.deepEqual(JSON.parse(stdout), JSON.parse(text), "postern explain --admin and /explain");
    assert.equal(code, 1);
    return { reason, words: nearest };
  }

  /** Metric, readiness, page and status hold these words of the port; the metric its code alone. */
  async check(port: number, { reason, words }: Said): Promise<void> {
    assert.match(
      await this.page("/metrics"),
      new RegExp(`^postern_backend_open\\{port="${port}",reason="${reason}"\\} 0$`, "m"),
    );
    const row = `closed: ${reason}: ${words}`.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
    assert.ok((await this.page("/")).includes(row), `the status page says ${row}`);
    const { backends } = JSON.parse(await this.page("/readyz")) as { backends: readonly BackendRow[] };
    const found = backends.find((row) => row.port === port);
    assert.deepEqual([found?.open, found?.reason, found?.detail], [false, reason, words], "/readyz");
  }

  status(name: string): PolicyStatus {
    const found = this.discovery.statuses.find((status) => status.policy === name);
    assert.ok(found, `a status of ${name}: ${JSON.stringify(this.discovery.statuses)}`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.close();
    await this.sidecar.close();
  }
}

interface BackendRow {
  readonly port: number;
  readonly open: boolean;
  readonly reason: string;
  readonly detail: string;
}

const OPEN = policy([http], [range("127.0.0.0/8")]);

interface Row {
  readonly about: string;
  readonly objects: readonly Manifest[];
  readonly port?: number;
  readonly reason: string;
  readonly words: RegExp;
  /** The object whose status says the same; absent where no object is to blame. */
  readonly policy?: string;
  /** `postern explain --manifests` cannot know of it. */
  readonly sidecarOnly?: true;
}

const rows: readonly Row[] = [
  {
    about: "no credentials",
    objects: [policy([mutual], [principal("a.b")])],
    reason: "no-credentials",
    words: /^no certificate for https backends: none is configured/,
    policy: "test/ib",
    sidecarOnly: true,
  },
  {
    about: "no listener",
    objects: [policy([backend("foo", 8080, "http")], [range("127.0.0.0/8")])],
    port: 8080,
    reason: "no-listener",
    words: /^no --backend of this sidecar has port=8080; there are 80$/,
    policy: "test/ib",
    sidecarOnly: true,
  },
  {
    about: "no policy",
    objects: [],
    reason: "no-policy",
    words: /^no IngressBackend names a Service of this pod, which backs foo$/,
  },
  {
    about: "policy on another port",
    objects: [policy([backend("foo", 8080, "http")], [range("127.0.0.0/8")])],
    reason: "no-policy",
    words: /^policies govern port 8080; 'port.number' is the target port$/,
  },
  {
    about: "policy naming a Service that does not exist",
    objects: [policy([backend("fooo", 80, "http")], [range("127.0.0.0/8")]), slice("test/foo", "10.0.0.1")],
    reason: "no-policy",
    words:
      /^IngressBackend test\/ib names Service fooo, which does not exist or has no EndpointSlice; this pod backs foo$/,
    policy: "test/ib",
  },
  {
    about: "mesh label missing",
    objects: [policy([http], [service("gw/edge")]), slice("gw/edge", "10.0.0.9"), namespaceObject("gw")],
    reason: "source-without-endpoints",
    words: /: kubectl label namespace gw openservicemesh.io\/monitored-by=osm$/,
    policy: "test/ib",
  },
];

test("every place gives the same reason and words for a port that is closed to everybody", async (t) => {
  await using truth = await Truth.start({ "max-stale": "1h" });
  const unserved = "no-policy";
  for (const { about, objects, port = 80, reason, words, policy: blamed, sidecarOnly } of rows) {
    await t.test(about, async () => {
      await truth.show(...objects);
      const said = await truth.explained(port);
      assert.equal(said.reason, reason);
      assert.match(said.words, words);
      if (port === 80) assert.deepEqual(await truth.connection(), said, "the data path");
      await truth.check(port, said);
      if (blamed !== undefined) {
        const status = truth.status(blamed);
        assert.equal(status.currentStatus, "error");
        const detail = status.backends?.find((row) => row.port === port && !row.open);
        assert.equal(detail?.reason, reason);
        assert.ok(said.words.startsWith(detail.detail), `${said.words} begins with ${detail.detail}`);
        if (reason !== unserved) assert.ok(status.reason.includes(said.words), status.reason);
      }
      if (sidecarOnly) return;
      using directory = temporaryDirectory();
      writeFileSync(join(directory.path, "a.yaml"), objects.map((object) => JSON.stringify(object)).join("\n---\n"));
      const { stdout } = await runCommand(
        runExplain,
        `--manifests=${directory.path}`,
        "--namespace=test",
        "--service=foo",
        "--mesh-name=osm",
        `--port=${port}`,
        "--from=10.0.0.9",
        "--json",
      );
      const { reason: code, nearest } = JSON.parse(stdout) as { reason: string; nearest: string };
      assert.deepEqual({ reason: code, words: nearest }, said, "postern explain --manifests");
    });
  }
  await t.test("stale", async () => {
    await truth.show(OPEN);
    truth.discovery.freshAt = 0;
    await until("stale", () => truth.sidecar.snapshot.closed === "stale-snapshot");
    await until("the thread knows", () => truth.sidecar.dataPlane?.appliedVersion() === truth.sidecar.snapshot.version);
    const said = await truth.explained(80, "127.0.0.1");
    assert.equal(said.reason, "stale-snapshot");
    assert.deepEqual(await truth.connection(), said);
    await truth.check(80, said);
    assert.equal(truth.status("test/ib").currentStatus, "error");
    assert.equal(truth.status("test/ib").reason, `stale-snapshot: ${said.words}`);
    assert.match(await truth.page("/snapshot?full"), /127\.0\.0\.0-127\.255\.255\.255/, "old data is shown");
    truth.discovery.freshAt = Date.now();
    await until("fresh again", () => truth.sidecar.snapshot.closed === undefined);
    await until("its status too", () => truth.status("test/ib").currentStatus === "committed");
  });
});

test("our own certificate that has ended closes an https backend, and every place says so", async () => {
  const root = makeCertificate({ subject: "root", ca: true });
  const own = makeCertificate({ subject: "foo", issuer: root, dns: ["foo.test"], begins: -20_000, ends: 5_000 });
  using directory = temporaryDirectory();
  const files = { cert: own.certPem, key: own.keyPem, ca: root.certPem };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory.path, name), text);
  await using truth = await Truth.start({
    "tls-cert": join(directory.path, "cert"),
    "tls-key": join(directory.path, "key"),
    "tls-ca": join(directory.path, "ca"),
  });
  await truth.show(policy([mutual], [principal("a.b")]));
  await until("the end of the certificate", () => truth.sidecar.unready().includes("the certificate has ended"));
  const said = await truth.explained(80);
  assert.equal(said.reason, "own-certificate-ended");
  assert.match(said.words, /^our own certificate \(--tls-cert\) ended at 20\d\d-.*: renew it$/);
  assert.deepEqual(await truth.connection(), said);
  await truth.check(80, said);
  await until("its status", () => truth.status("test/ib").currentStatus === "error");
  assert.equal(truth.status("test/ib").reason, `own-certificate-ended: ${said.words}`);
});

test("draining: open as long as it listens, said everywhere but in the status that replicas share", async () => {
  await using truth = await Truth.start({ "drain-delay": "2s", "drain-deadline": "1s" });
  await truth.show(OPEN);
  const drained = truth.sidecar.drain();
  const open = JSON.parse(await truth.page("/explain?port=80&from=127.0.0.1")) as Record<string, unknown>;
  assert.deepEqual(
    [open["verdict"], open["conditions"]],
    ["forward", [{ code: "draining", detail: "the process is ending" }]],
  );
  assert.match(await truth.page("/metrics"), /^postern_backend_open\{port="80",reason="open"\} 1$/m);
  assert.match(await truth.page("/"), /draining: the process is ending/);
  assert.match(await truth.page("/readyz"), /"draining"/);
  assert.doesNotMatch(JSON.stringify(truth.status("test/ib")), /draining/);
  await drained;
  const said = await truth.explained(80, "127.0.0.1");
  assert.equal(said.reason, "draining");
  await truth.check(80, said);
});

test("a thread that lags: open by what is published, with the thread named everywhere", async () => {
  process.env["TEST_NOT_APPLIED"] = "2";
  try {
    const threadEntry = new URL("../support/thread/failing-thread.ts", import.meta.url);
    await using truth = await Truth.start({}, { threadEntry });
    await truth.show(OPEN);
    truth.discovery.listener?.onWorld(worldOf([OPEN]), ["foo"]);
    const words = "data-plane thread 0 has not applied snapshot 2 within 5 heartbeats";
    const places = ["/", "/readyz", "/explain?port=80&from=127.0.0.1", "/snapshot"];
    const all = async (): Promise<boolean> => {
      const pages = await Promise.all(places.map((path) => truth.page(path)));
      return pages.every((text) => text.includes("thread-lagging") && text.includes(words));
    };
    await until("every place names the thread", all);
    assert.doesNotMatch(JSON.stringify(truth.status("test/ib")), /lagging/);
    assert.match(truth.lines.join(""), new RegExp(words));
  } finally {
    delete process.env["TEST_NOT_APPLIED"];
  }
});

test("a thread that hangs: the page comes nevertheless, and says what is not known", async () => {
  const threadEntry = new URL("../support/thread/failing-thread.ts", import.meta.url);
  await using truth = await Truth.start({}, { threadEntry });
  await truth.show(OPEN);
  const faults = new BroadcastChannel(FAULTS);
  const hang: Fault = { thread: 0, kind: "hang" };
  faults.postMessage(hang);
  const words = "A thread did not say in time whom it refused";
  await until("the page says so", async () => (await truth.page("/")).includes(words));
  faults.close();
});
