import assert from "node:assert/strict";
import { test } from "node:test";
import { explainPage } from "../../src/admin/explain-page.ts";
import { snapshotPage } from "../../src/admin/snapshot-page.ts";
import { portsToAsk } from "../../src/admin/status-page/explain-form.ts";
import { runExplain } from "../../src/cli/explain.ts";
import { explainLink } from "../../src/admin/status-page/explain-link.ts";
import type { PeerRow } from "../../src/telemetry/records.ts";
import { backend, http, policy, principal, range } from "../support/mesh/objects.ts";
import { runCommand } from "../support/process/command.ts";
import { peer, stateOf } from "./status-page/facts-of.ts";

const secured = backend("foo", 81, "https", { skipClientCertValidation: false });
const state = stateOf([
  policy([http], [range("10.0.0.0/29")]),
  policy([secured], [range("10.0.0.0/29"), principal("edge.mesh")], "test/secured"),
]);
const ask = (text: string, forPeople = false) => explainPage(state, new URLSearchParams(text), forPeople);

const problemsOf = (text: string) => (ask(text).body as { readonly problems: readonly string[] }).problems;

test("whoever asks for HTML gets a page of the same verdict, with the form to ask again", () => {
  const json = ask("port=80&from=10.9.9.9").body as { readonly reason: string; readonly nearest: string };
  const { status, body, contentType } = ask("port=80&from=10.9.9.9", true);
  assert.deepEqual([status, contentType], [200, "text/html; charset=utf-8"]);
  assert.ok(typeof body === "string" && body.includes("Refused: the connection is closed"));
  assert.ok(body.includes(json.reason) && body.includes(json.nearest));
  assert.match(body, /name="from"[^>]*value="10\.9\.9\.9"/);
});

test("fields of the form that were left empty count as not filled in", () => {
  const form = ask("port=80&from=10.0.0.1&tls=false&sni=&san=", true).body;
  assert.ok(typeof form === "string" && form.includes("Let in"));
  assert.equal(problemsOf("port=80&from=10.0.0.1&tls=true&san=").length, 1);
});

test("nonsense gets what was expected instead, in either form, and nothing of it becomes markup", () => {
  const nonsense = "port=<b>&from=<img src=x>&san=<i>&hue=<u>";
  const { status, body } = ask(nonsense, true);
  assert.equal(status, 400);
  assert.ok(typeof body === "string");
  for (const words of ["port has the value", "from has the value", "expected dns:NAME", "unknown parameter"])
    assert.ok(body.includes(words), words);
  assert.doesNotMatch(body, /<b>|<img|<i>|<u>/);
  // One more than there are words: a certificate without TLS.
  assert.equal(problemsOf(nonsense).length, 5);
});

test("page, endpoint and command refuse the same questions, each in its own spelling", async () => {
  const questions: readonly (readonly [string, readonly string[], readonly RegExp[]])[] = [
    ["port=80&from=10.0.0.1&tls=false&san=dns:a.b", ["--san=dns:a.b"], [/^(--)?san needs (--tls|tls=true)$/]],
    ["port=80&from=10.0.0.1&no-cert=true", ["--no-cert"], [/^(--)?no-cert needs (--tls|tls=true)$/]],
    ["port=80&from=10.0.0.1&sni=a.b", ["--sni=a.b"], [/^(--)?sni needs (--tls|tls=true)$/]],
    [
      "port=80&from=10.0.0.1&tls&san=dns:a&no-cert=true",
      ["--tls", "--san=dns:a", "--no-cert"],
      [/^(--)?san and (--)?no-cert exclude each other$/],
    ],
    ["port=80&from=10.0.0.1&tls=maybe", ["--tls=maybe"], [/^(--)?tls has the value 'maybe'; expected true or false/]],
    [
      "port=0&from=nobody",
      ["--port=0", "--from=nobody"],
      [/^(--)?port has the value '0'; expected/, /^(--)?from has the value 'nobody'; expected an IP address/],
    ],
    ["port=80&from=10.0.0.1&tls&sni=", ["--tls", "--sni="], [/^(--)?sni has the value ''; expected/]],
  ];
  for (const [query, flags, expected] of questions) {
    const about = flags.some((flag) => flag.startsWith("--port")) ? [] : ["--port=80", "--from=10.0.0.1"];
    const { code, stderr } = await runCommand(runExplain, "--manifests=/nowhere", "--service=foo", ...about, ...flags);
    assert.equal(code, 2, query);
    const ofCommand = stderr.split("\n").flatMap((line) => /^postern explain: (.*)$/.exec(line)?.[1] ?? []);
    for (const problems of [problemsOf(query), ofCommand]) {
      assert.equal(problems.length, expected.length, `${query}: ${problems.join("; ")}`);
      for (const [index, pattern] of expected.entries()) assert.match(problems[index] ?? "", pattern, query);
    }
    if (!query.includes("sni=")) assert.equal(ask(query, true).status, 400, query);
  }
});

test("the form sends plaintext unless told: a name in a certificate beside it is named, not taken for TLS", () => {
  const { status, body } = ask("port=81&from=10.0.0.1&tls=false&sni=&san=dns:edge.mesh", true);
  assert.equal(status, 400);
  assert.ok(typeof body === "string" && body.includes("san needs tls=true"));
  assert.match(body, /<option value="true"\s+selected/);
});

test("the form suggests a port where somebody listens", () => {
  const elsewhere = stateOf([policy([backend("foo", 79, "http")], [range("10.0.0.0/29")])]);
  assert.deepEqual(portsToAsk(elsewhere), [80, 81, 79]);
});

test("a snapshot is asked for in full, or not, and its rules say what a connection meets", () => {
  const shown = (query: string) => snapshotPage(state, new URLSearchParams(query));
  const closed = snapshotPage({ ...state, certificate: { state: "none" } }, new URLSearchParams());
  assert.deepEqual(shown("full=false").body, shown("").body);
  assert.deepEqual(shown("full=true").body, shown("full").body);
  for (const query of ["full=maybe", "ful", "full&full"]) assert.equal(shown(query).status, 400, query);
  const states = (page: object) =>
    (page as { rules: readonly Record<string, unknown>[] }).rules.map(({ port, state: of, reason }) => [
      port,
      of,
      reason,
    ]);
  assert.deepEqual(states(shown("").body as object), [
    [80, "open", undefined],
    [81, "open", undefined],
  ]);
  assert.deepEqual(states(closed.body as object), [
    [80, "open", undefined],
    [81, "closed", "no-credentials"],
  ]);
});

test("a question of ten thousand names is refused in fewer than 40,000 characters", () => {
  const names = Array.from({ length: 10_000 }, (_, n) => `san=name-${n}`).join("&");
  const { status, body } = ask(`port=80&from=10.0.0.1&${names}`, true);
  assert.equal(status, 400);
  assert.ok(typeof body === "string" && body.length < 40_000);
});

test("the link of a refusal asks of the same caller, who gets the same reason", () => {
  const tls = { port: 81, tls: true, address: "10.0.0.1", sni: "a b&c" } as const;
  const rows: readonly PeerRow[] = [
    peer({}),
    peer({ port: 81, certificate: "unseen" }),
    peer({ ...tls, certificate: "missing", reason: "certificate-missing" }),
    peer({ ...tls, certificate: "verified", sans: ["dns:edgf.mesh", "uri:a?b&c=d#e"], reason: "principal-not-listed" }),
    peer({ port: 80, address: "10.0.0.1", tls: true, certificate: "missing", reason: "tls-unexpected" }),
  ];
  for (const row of rows) {
    const link = explainLink(row, row.port === 81 ? "https" : "http") ?? "";
    assert.match(link, /^\/explain\?/);
    const { status, body } = ask(link.slice("/explain?".length));
    assert.equal(status, 200, link);
    assert.equal((body as { readonly reason: string }).reason, row.reason, link);
  }
});
