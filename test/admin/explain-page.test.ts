import assert from "node:assert/strict";
import { test } from "node:test";
import { explainPage } from "../../src/admin/explain-page.ts";
import { explainLink } from "../../src/admin/status-page/explain-link.ts";
import type { PeerRow } from "../../src/telemetry/records.ts";
import { backend, http, policy, principal, range } from "../support/mesh/objects.ts";
import { peer, stateOf } from "./status-page/facts-of.ts";

const secured = backend("foo", 81, "https", { skipClientCertValidation: false });
const state = stateOf([
  policy([http], [range("10.0.0.0/29")]),
  policy([secured], [range("10.0.0.0/29"), principal("edge.mesh")], "test/secured"),
]);
const ask = (text: string, forPeople = false) => explainPage(state, new URLSearchParams(text), forPeople);

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
  assert.equal((ask("port=80&from=10.0.0.1&san=").body as { problems: readonly string[] }).problems.length, 1);
});

test("nonsense gets what was expected instead, in either form, and nothing of it becomes markup", () => {
  const nonsense = "port=<b>&from=<img src=x>&san=<i>&hue=<u>";
  const { status, body } = ask(nonsense, true);
  assert.equal(status, 400);
  assert.ok(typeof body === "string");
  for (const words of ["port must be", "from must be", "must be dns:NAME", "unknown parameter"])
    assert.ok(body.includes(words), words);
  assert.doesNotMatch(body, /<b>|<img|<i>|<u>/);
  assert.equal((ask(nonsense).body as { problems: readonly string[] }).problems.length, 4);
});

test("a question of ten thousand names is answered at bounded length", () => {
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
