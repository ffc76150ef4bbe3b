import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BroadcastChannel } from "node:worker_threads";
import { runExplain } from "../../src/cli/explain.ts";
import { worldOf } from "../conformance/world.ts";
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
  serviceObject,
  slice,
  type Manifest,
} from "../support/mesh/objects.ts";
import { runCommand } from "../support/process/command.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { FAULTS, type Fault } from "../support/thread/faults.ts";
import { until } from "../support/until.ts";
import { Truth } from "./truth.ts";

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
      // Of a namespace without any object the command judges nothing.
      const all = [...objects, serviceObject("test/other", 80)];
      writeFileSync(join(directory.path, "a.yaml"), all.map((object) => JSON.stringify(object)).join("\n---\n"));
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
    await truth.goStale();
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
  await until("the end of the certificate", () =>
    truth.sidecar.unready().some((reason) => reason.startsWith("own-certificate-ended: ")),
  );
  const said = await truth.explained(80);
  assert.equal(said.reason, "own-certificate-ended");
  assert.match(
    said.words,
    /^our own certificate \(--tls-cert .*\/cert\) ended at 20\d\d-.*, and none has taken its place$/,
  );
  assert.deepEqual(await truth.connection(), said);
  await truth.check(80, said);
  await until("its status", () => truth.status("test/ib").currentStatus === "error");
  assert.equal(truth.status("test/ib").reason, `own-certificate-ended: ${said.words}`);
  assert.deepEqual(truth.sidecar.unready(), [`own-certificate-ended: ${said.words}`]);
  assert.doesNotMatch(
    await truth.page("/"),
    /not ready: own-certificate-ended/,
    "the line of the port says it already",
  );
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
  assert.match(await truth.page("/readyz"), /"draining: the process is ending"/);
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

test("a thread that hangs: every page comes nevertheless, and says which thread is not known of", async () => {
  const threadEntry = new URL("../support/thread/failing-thread.ts", import.meta.url);
  await using truth = await Truth.start({}, { threadEntry });
  await truth.show(OPEN);
  // The first scrape loads what metrics need.
  await truth.page("/metrics");
  const faults = new BroadcastChannel(FAULTS);
  const hang: Fault = { thread: 0, kind: "hang" };
  faults.postMessage(hang);
  const places: readonly (readonly [string, RegExp])[] = [
    ["/", /Not known in time: whom thread 0 refused/],
    ["/metrics", /^postern_thread_silent\{thread="0"\} 1$/m],
    ["/peers", /"silentThreads": \[\s*0\s*\]/],
    ["/connections", /"silentThreads": \[\s*0\s*\]/],
  ];
  // A thread is missed until it is lost, after five heartbeats: whoever waited for that would name none.
  await until("every page says so", async () => {
    const pages = await Promise.all(places.map(async ([path, words]) => words.test(await truth.page(path))));
    return pages.every(Boolean);
  });
  faults.close();
});
