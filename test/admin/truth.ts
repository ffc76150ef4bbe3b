/** A sidecar in this process and everything that it says of itself: for tests that all places say the same. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { startAdmin, type AdminServers } from "../../src/admin/admin.ts";
import { runExplain } from "../../src/cli/explain.ts";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse.ts";
import type { Discovery, DiscoveryListener, ResourceHealth } from "../../src/discovery/discovery.ts";
import type { PolicyStatus } from "../../src/policy/snapshot.ts";
import { Sidecar } from "../../src/sidecar.ts";
import { openLog } from "../../src/telemetry/log.ts";
import { worldOf } from "../conformance/world.ts";
import type { Manifest } from "../support/mesh/objects.ts";
import { runCommand } from "../support/process/command.ts";
import { freePorts } from "../support/process/ports.ts";
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

/** What one place says of a port. */
export interface Said {
  readonly reason: string;
  readonly words: string;
}

/** A sidecar in this process, with real threads, listeners and admin port. */
export class Truth implements AsyncDisposable {
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

  async goStale(): Promise<void> {
    this.discovery.freshAt = 0;
    await until("stale", () => this.sidecar.snapshot.closed === "stale-snapshot");
    await until("the thread knows", () => this.sidecar.dataPlane?.appliedVersion() === this.sidecar.snapshot.version);
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
