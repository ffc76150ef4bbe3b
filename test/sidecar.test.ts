import assert from "node:assert/strict";
import { test } from "node:test";
import { startAdmin } from "../src/admin/admin.ts";
import type { Config } from "../src/config/config.ts";
import { parseConfig } from "../src/config/parse.ts";
import type { Discovery, DiscoveryListener } from "../src/discovery/discovery.ts";
import type { World } from "../src/policy/model.ts";
import { Sidecar } from "../src/sidecar.ts";
import { openLog } from "../src/telemetry/log.ts";
import type { WriteText } from "../src/telemetry/log-output.ts";
import { freePorts } from "./support/process/ports.ts";

const NOTHING: World = {
  policies: [],
  invalidPolicies: [],
  services: new Map(),
  endpoints: new Map(),
  namespaces: new Map(),
};

function kept(lines: string[]): WriteText {
  return (text, done) => {
    lines.push(text);
    done();
  };
}

async function configure(): Promise<Config> {
  const [listen = 0, admin = 0] = await freePorts(2);
  const settings = {
    manifests: "/nowhere",
    service: "foo",
    backend: `port=80,listen=127.0.0.1:${listen}`,
    admin: `127.0.0.1:${admin}`,
  };
  const raw = Object.entries(settings).map(([name, text]) => [name, { texts: [text], origin: `--${name}` }] as const);
  return parseConfig(new Map(raw), { parallelism: 1, inCluster: false });
}

/** Worlds come when the test says so. */
class HeldDiscovery implements Discovery {
  listener: DiscoveryListener | undefined;

  start(listener: DiscoveryListener): Promise<void> {
    this.listener = listener;
    return Promise.resolve();
  }

  health(): readonly [] {
    return [];
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

test("a part that never ends does not hold up the end of the process, and the log says so", async () => {
  const lines: string[] = [];
  const discovery = new HeldDiscovery();
  discovery.stop = () => new Promise(() => {});
  await new Sidecar(await configure(), openLog("info", kept(lines)), discovery).close(20);
  assert.match(lines.join(""), /not everything could be ended in time/);
});

for (const [about, end, words] of [
  ["an audit that is on is announced", 3_600_000, /audit: what address or name would refuse is forwarded/],
  [
    "an audit whose time has passed is said to be over",
    -1_000,
    /the audit of --enforcement has ended: policy is enforced/,
  ],
] as const)
  test(about, async () => {
    const lines: string[] = [];
    const until = Date.now() + end;
    const config: Config = { ...(await configure()), enforcement: { mode: "audit", until } };
    const sidecar = new Sidecar(config, openLog("info", kept(lines)), new HeldDiscovery());
    await sidecar.start();
    await sidecar.close();
    const announced = lines
      .join("")
      .split("\n")
      .filter((line) => line.includes("auditUntil"));
    assert.equal(announced.length, 1);
    assert.match(announced[0] ?? "", words);
  });

test("a thread that does not apply what is published is named in log, metric and readiness until it is replaced", async () => {
  // The second world, at the only thread.
  process.env["TEST_NOT_APPLIED"] = "2";
  const lines: string[] = [];
  const logging = openLog("info", kept(lines));
  const threadEntry = new URL("./support/thread/failing-thread.ts", import.meta.url);
  const config = { ...(await configure()), threadEntry };
  const discovery = new HeldDiscovery();
  const sidecar = new Sidecar(config, logging, discovery);
  const admin = await startAdmin(sidecar);
  const read = async (path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${config.admin.port}${path}`)).text();
  const until = async (path: string, pattern: RegExp): Promise<string> => {
    const deadline = performance.now() + 60_000;
    for (;;) {
      const text = await read(path);
      if (pattern.test(text)) return text;
      assert.ok(performance.now() < deadline, `${path} has no ${pattern} within 60 s: ${text}\n${lines.join("")}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  try {
    await sidecar.start();
    discovery.listener?.onWorld(NOTHING, ["foo"]);
    await until("/readyz", /"ready": true/);
    assert.match(await read("/metrics"), /postern_thread_lagging\{thread="0"\} 0/);
    discovery.listener?.onWorld(NOTHING, ["foo"]);
    await Promise.all([
      until("/metrics", /postern_thread_lagging\{thread="0"\} 1/),
      until("/readyz", /"thread-lagging: data-plane thread 0 has not applied snapshot 2 within 5 heartbeats"/),
    ]);
    assert.match(lines.join(""), /data-plane thread 0 has not applied snapshot 2 within 5 heartbeats; it is replaced/);
    await until("/readyz", /"ready": true/);
    const metrics = await read("/metrics");
    assert.match(metrics, /postern_thread_lagging\{thread="0"\} 0/);
    assert.match(metrics, /postern_thread_restarts_total\{thread="0"\} 1/);
    assert.match(metrics, /postern_snapshot_applied_version 2/);
  } finally {
    delete process.env["TEST_NOT_APPLIED"];
    await admin.close();
    await sidecar.close();
  }
});
