import assert from "node:assert/strict";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runExplain } from "../../src/cli/explain.ts";
import { runCommand } from "../support/process/command.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { call, connect, exchange, tryCall } from "../support/caller/caller.ts";
import { http, policy, range } from "../support/mesh/objects.ts";
import { freePorts } from "../support/process/ports.ts";
import { until } from "../support/until.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";

let application: TestApplication;
let sidecar: TestSidecar;
let healthPort: number;

before(async () => {
  application = await startApplication();
  [healthPort = 0] = await freePorts(1);
  sidecar = await startSidecar({
    manifests: [policy([http], [range("127.0.0.1/32")])],
    backends: [{ app: application.port }, { port: 81, app: application.port }],
    flags: [`--health=127.0.0.1:${healthPort}`],
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  await application?.[Symbol.asyncDispose]();
});

test("metrics: known prefixes, no address or path for a label, and figures that follow what happened", async () => {
  await call({ port: sidecar.port() });
  await tryCall({ port: sidecar.port(), from: "127.0.0.9" });
  await tryCall({ port: sidecar.port(81) });
  let text = "";
  // The caller knows that it was closed before the thread has counted it.
  await until("the last refusal is counted", async () => {
    text = await (await sidecar.admin("/metrics")).text();
    return text.includes("no-policy");
  });
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    assert.match(line, /^(?:postern_|nodejs_|process_)[a-z0-9_]+(?:\{[^}]*\})? [0-9.e+-]+$/i, line);
    assert.doesNotMatch(line, /127\.0\.0\.|\/you/, "no address and no path is ever a label");
  }
  assert.match(text, /postern_[a-z_]*connections[a-z_]*\{[^}]*source-not-listed[^}]*\} 1/);
  assert.match(text, /postern_[a-z_]*connections[a-z_]*\{[^}]*no-policy[^}]*\} 1/);
  assert.match(text, /postern_[a-z_]*requests[a-z_]*\{[^}]*2xx[^}]*\} 1/);
});

test("connections are those of the moment, with who they are and by what right", async () => {
  const socket = await connect({ port: sidecar.port() });
  await exchange(socket, { path: "/" });
  const { connections } = await sidecar.adminJson<{ connections: readonly Record<string, unknown>[] }>("/connections");
  assert.equal(connections.length, 1);
  const { address, policy: governing, source, state, protocol, requests } = connections[0]!;
  assert.deepEqual(
    [address, governing, source, state, protocol, requests],
    ["127.0.0.1", "test/ib", "IPRange 127.0.0.1/32", "open", "http", 1],
  );
  socket.destroy();
});

test("the snapshot, explanations with the verdict of each, and a page for people", async () => {
  const snapshot = await (await sidecar.admin("/snapshot")).text();
  assert.match(snapshot, /127\.0\.0\.1\/32/);
  const allowed = await sidecar.adminJson<Record<string, unknown>>("/explain?port=80&from=127.0.0.1");
  assert.equal(allowed["verdict"], "forward");
  const refused = await sidecar.adminJson<Record<string, unknown>>("/explain?port=80&from=10.0.0.1");
  assert.deepEqual([refused["verdict"], refused["reason"]], ["close", "source-not-listed"]);
  assert.equal((await sidecar.admin("/explain?port=x")).status, 400);
  const page = await sidecar.admin("/");
  assert.equal(page.status, 200);
});

test("a browser is answered in HTML that may run nothing, and its page links to what it says of a refused caller", async () => {
  const browser = { headers: { accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };
  const base = `http://127.0.0.1:${sidecar.adminPort}`;
  await tryCall({ port: sidecar.port(), from: "127.0.0.9" });
  let body = "";
  await until("the page tells of the refusal", async () => {
    const page = await fetch(base, browser);
    assert.match(page.headers.get("content-security-policy") ?? "", /^default-src 'none'/);
    body = await page.text();
    return body.includes("source-not-listed");
  });
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as {
    version: string;
  };
  assert.ok(body.includes(`Version ${version},`));
  const link = /href="(\/explain\?[^"]*127\.0\.0\.9[^"]*)"/.exec(body)?.[1]?.replaceAll("&#38;", "&") ?? "";
  const explained = await fetch(`${base}${link}`, browser);
  assert.match(explained.headers.get("content-type") ?? "", /^text\/html/);
  assert.match(await explained.text(), /Refused: the connection is closed/);
  const { reason } = await sidecar.adminJson<{ reason: string }>(link);
  assert.equal(reason, "source-not-listed");
});

test("the distinct callers of late are remembered with their verdicts, and replayed against other policies", async () => {
  await call({ port: sidecar.port() });
  await call({ port: sidecar.port() });
  await tryCall({ port: sidecar.port(), from: "127.0.0.9" });
  interface Peers {
    readonly version: number;
    readonly pod: object;
    readonly peers: readonly {
      readonly port: number;
      readonly address: string;
      readonly verdict: string;
      readonly count: number;
    }[];
  }
  let remembered: Peers["peers"] = [];
  await until("both are remembered", async () => {
    const { version, pod, peers } = await sidecar.adminJson<Peers>("/peers");
    assert.deepEqual([version, pod], [2, { namespace: "test", services: ["foo"] }]);
    remembered = peers.filter(({ port }) => port === 80);
    return remembered.length === 2 && remembered.every(({ address, count }) => address === "127.0.0.9" || count >= 2);
  });
  const verdicts = new Map(remembered.map(({ address, verdict }) => [address, verdict]));
  assert.deepEqual([verdicts.get("127.0.0.1"), verdicts.get("127.0.0.9")], ["forward", "close"]);

  using edited = temporaryDirectory();
  const replay = async (...sources: readonly object[]) => {
    writeFileSync(join(edited.path, "a.yaml"), JSON.stringify(policy([http], sources)));
    const url = `http://127.0.0.1:${sidecar.adminPort}`;
    return runCommand(runExplain, `--replay=${url}`, `--manifests=${edited.path}`, "--namespace=test", "--service=foo");
  };
  const same = await replay(range("127.0.0.1/32"));
  assert.equal(same.code, 0, same.stdout);
  for (const address of ["127.0.0.1:", "HTTP://127.0.0.1:"].map((text) => `${text}${sidecar.adminPort}`)) {
    const { code, stderr } = await runCommand(runExplain, `--replay=${address}`, `--manifests=${edited.path}`);
    assert.equal(code, 0, `${address}: ${stderr}`);
  }
  const lost = await replay(range("127.0.0.9/32"));
  assert.equal(lost.code, 1);
  assert.match(lost.stdout, /^127\.0\.0\.1 to port 80, .* is served now and would be refused: source-not-listed: /m);
  assert.match(lost.stdout, /^127\.0\.0\.9 to port 80, .* is refused now and would be served$/m);
  writeFileSync(join(edited.path, "peers.json"), JSON.stringify({ kind: "postern-peers", version: 99, peers: [] }));
  const other = await runCommand(
    runExplain,
    `--replay=${join(edited.path, "peers.json")}`,
    `--manifests=${edited.path}`,
    "--service=foo",
  );
  assert.equal(other.code, 2);
  assert.match(other.stderr, /it has version 99: expected 2; replay it with the postern that wrote it/);
});

test("the snapshot lists its addresses when asked to", async () => {
  assert.doesNotMatch(await (await sidecar.admin("/snapshot")).text(), /"members"/);
  assert.match(await (await sidecar.admin("/snapshot?full")).text(), /"address": "127\.0\.0\.1-127\.0\.0\.1"/);
});

test("the health port says which ports are open, and names no object", async () => {
  const text = await (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).text();
  assert.match(text, /"port": 81,\s+"open": false,\s+"reason": "no-policy"/);
  assert.doesNotMatch(text, /test\/ib|detail/);
});

test("what is not served is 404 or 405, and a page elsewhere cannot read it by rebinding a name", async () => {
  assert.equal((await sidecar.admin("/secret")).status, 404);
  assert.equal((await fetch(`http://127.0.0.1:${sidecar.adminPort}/livez`, { method: "POST" })).status, 405);
  const request = httpRequest({
    port: sidecar.adminPort,
    host: "127.0.0.1",
    path: "/snapshot",
    headers: { host: "evil.test" },
  });
  request.end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  response.resume();
  assert.ok(response.statusCode === 403 || response.statusCode === 421, String(response.statusCode));
});

test("the health address serves health and metrics, and nothing else", async () => {
  for (const [path, status] of [
    ["/livez", 200],
    ["/readyz", 200],
    ["/metrics", 200],
    ["/snapshot", 404],
    ["/connections", 404],
    ["/peers", 404],
    ["/explain?port=80&from=127.0.0.1", 404],
    ["/", 404],
  ] as const) {
    const response = await fetch(`http://127.0.0.1:${healthPort}${path}`);
    await response.text();
    assert.equal(response.status, status, path);
  }
});
