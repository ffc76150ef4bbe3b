import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../src/config/parse.ts";
import type { Discovery } from "../src/discovery/discovery.ts";
import { Sidecar } from "../src/sidecar.ts";
import { createLog } from "../src/telemetry/log.ts";

const SETTINGS = { manifests: "/nowhere", service: "foo", backend: "port=80,listen=127.0.0.1:15080" };

test("a part that never ends does not hold up the end of the process, and the log says so", async () => {
  const lines: string[] = [];
  const discovery: Discovery = {
    start: () => Promise.resolve(),
    health: () => [],
    stop: () => new Promise(() => {}),
  };
  const settings = new Map(
    Object.entries(SETTINGS).map(([name, text]) => [name, { texts: [text], origin: `--${name}` }]),
  );
  const config = parseConfig(settings, { parallelism: 1, inCluster: false });
  await new Sidecar(
    config,
    createLog("info", (line) => lines.push(line)),
    discovery,
  ).close(20);
  assert.match(lines.join(""), /not everything could be ended in time/);
});
