import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { statusDocument } from "../../../src/admin/status-page/status-document.ts";
import { backendPort } from "../../../src/policy/model.ts";
import { backend, http, mutual, policy, principal, range, service, slice } from "../../support/mesh/objects.ts";
import { factsOf, NOW, peer, stateOf } from "./facts-of.ts";

const HOSTILE = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`;
/** A page of a moment, and no burden for a port-forward. */
const MOST_BYTES = 600_000;
/** Far above what it takes, and far below what work without a bound would. */
const MOST_MS = 5_000;

test("no name of a peer, an object or a file becomes markup", () => {
  const { body } = statusDocument(
    factsOf(stateOf([policy([mutual], [principal(HOSTILE), service(`${HOSTILE}/${HOSTILE}`)])]), {
      unready: [HOSTILE],
      credentialProblem: HOSTILE,
      resources: [{ resource: HOSTILE, synced: false, failure: HOSTILE }],
      peers: [
        peer({
          tls: true,
          sni: HOSTILE,
          certificate: "verified",
          sans: [`uri:${HOSTILE}`, `dns:${HOSTILE}`],
          reason: "principal-not-listed",
        }),
      ],
    }),
  );
  assert.ok(body.includes("&#60;script&#62;alert(1)"));
  assert.doesNotMatch(body, /<script|<img|onerror=alert\(1\)>/);
});

test("what is immense makes a page of bounded length in bounded time", () => {
  const addresses = Array.from({ length: 10_000 }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
  const ports = Array.from({ length: 60 }, (_, n) => backend("foo", 1_000 + n, "http"));
  // No handshake takes a certificate of more than about 100 kB.
  const names = Array.from({ length: 32 }, (_, n) => `uri:spiffe://${"n".repeat(3_000)}/${n}`);
  const slices = Array.from({ length: 10 }, (_, n) => slice("gw/edge", ...addresses.slice(n * 1_000, (n + 1) * 1_000)));
  const state = stateOf([
    policy([...ports, http], [service("gw/edge"), ...addresses.slice(0, 200).map((name) => range(`${name}/32`))]),
    ...slices,
  ]);
  const reasons = ["source-not-listed", "principal-not-listed", "certificate-untrusted", "tls-unexpected"] as const;
  const peers = Array.from({ length: 10_000 }, (_, n) =>
    peer({
      address: `10.9.${n >> 8}.${n & 255}`,
      tls: true,
      certificate: "verified",
      sans: names,
      reason: reasons[n % reasons.length]!,
    }),
  );
  const resources = Array.from({ length: 5_000 }, (_, n) => ({
    resource: `endpointslices a/${n}`,
    synced: true,
    freshAt: NOW,
  }));
  const unready = Array.from({ length: 1_000 }, () => "x".repeat(10_000));
  const facts = factsOf(state, { peers, resources, unready });
  // Time of the processor: a busy machine may let anybody wait.
  const from = process.cpuUsage();
  const { body } = statusDocument(facts);
  const { user, system } = process.cpuUsage(from);
  assert.ok(user + system < MOST_MS * 1_000, `${(user + system) / 1_000} ms`);
  assert.ok(Buffer.byteLength(body) < MOST_BYTES, `${Buffer.byteLength(body)} bytes`);
  for (const words of [/\b\d{5} addresses and ranges in all/, /\b2500 callers/, /too long to ask about by a link/])
    assert.ok(words.test(body), String(words));
});

test("sources have their addresses, also those that do not count, and the age of what is known of each", () => {
  const objects = [
    policy([http], [service("gw/edge"), service("gw/none"), range("10.7.0.0/16")]),
    slice("gw/edge", "10.1.1.1", ["10.1.1.2", { ready: false }]),
  ];
  const { body } = statusDocument(
    factsOf(stateOf(objects), {
      resources: [
        { resource: "endpointslices gw/edge", synced: true, freshAt: NOW - 7_000 },
        { resource: "ingressbackends", synced: true, freshAt: NOW - 120_000 },
      ],
    }),
  );
  const text = body.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ");
  assert.match(
    text,
    /Service gw\/edge 10\.1\.1\.1 ; not ready: 10\.1\.1\.2 7 s ago|Service gw\/edge 10\.1\.1\.1; not ready: 10\.1\.1\.2 7 s ago/,
  );
  assert.match(text, /IPRange 10\.7\.0\.0\/16 10\.7\.0\.0-10\.7\.255\.255 2 min ago/);
  assert.match(text, /Service gw\/none/);
});

test("objects for two Services of one port are all named, each with its own sources", () => {
  const objects = [
    policy([http], [range("10.7.0.0/16")], "test/older", "2026-01-01T00:00:00Z"),
    policy([backend("bar", 80, "http")], [range("10.8.0.0/16")], "test/younger", "2026-01-02T00:00:00Z"),
  ];
  const { body } = statusDocument(factsOf(stateOf(objects)));
  for (const words of [
    "test/older for Service foo; test/younger for Service bar",
    "Port 80, by test/older",
    "10.7.0.0-10.7.255.255",
    "Port 80, by test/younger",
    "10.8.0.0-10.8.255.255",
  ])
    assert.ok(body.includes(words), words);
});

test("a stale snapshot is closed, and still shows what was known", () => {
  const state = stateOf([policy([http], [range("10.7.0.0/16")])]);
  const stale = { ...state, snapshot: { ...state.snapshot, closed: "stale-snapshot" as const } };
  const { body } = statusDocument(factsOf(stale, { peers: [peer({})] }));
  assert.match(body, /Closed to everybody: stale-snapshot/);
  assert.match(body, /10\.7\.0\.0-10\.7\.255\.255/);
  assert.match(body, /is refused now by stale-snapshot/);
});

test("before anything is known each section says so", () => {
  const state = stateOf([], { listeners: new Set([backendPort(80)]), certificate: { state: "none" } });
  const { body } = statusDocument(factsOf(state, { silent: [0, 2], resources: [], listening: [] }));
  for (const words of [
    "No IngressBackend governs a port of this pod",
    "No policy opens a port",
    "Not known in time: whom thread 0, 2 refused",
    "None is configured",
    "Nothing is followed yet",
    "None has started yet",
    "(not bound)",
    "not known",
  ])
    assert.ok(body.includes(words), words);
});

test("time that is left to the certificate", () => {
  const credentials = {
    generation: 1,
    origin: { cert: "--tls-cert own.pem" },
    cert: "",
    key: "",
    ca: "",
    lists: [],
    expiredLists: "close",
    trust: "",
    trustEnds: [],
    notBefore: NOW - 10 * 86_400_000,
    notAfter: NOW + 20 * 86_400_000 + 5,
    names: ["dns:a.b"],
    warnings: [],
  } as const;
  const page = (more: object): string =>
    statusDocument(factsOf(stateOf([]), { credentials: { ...credentials, ...more } })).body;
  assert.match(page({}), /class="good">20 days left</);
  assert.match(page({ notBefore: NOW - 90 * 86_400_000 }), /class="warn">20 days left</);
  assert.match(page({ notAfter: NOW - 3_600_000 }), /class="bad">ended 1 h ago</);
  assert.match(page({ notBefore: NOW + 60_000 }), /class="bad">not valid for another 1 min</);
});

test("a browser is told to run, load and frame nothing, and which style sheet is ours", () => {
  const { body, headers } = statusDocument(factsOf(stateOf([])));
  const [, style = ""] = /<style>([^]*)<\/style>/.exec(body) ?? [];
  const digest = createHash("sha256").update(style).digest("base64");
  const policy = headers["content-security-policy"] ?? "";
  assert.match(policy, /^default-src 'none'; /);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.ok(style.length > 1_000 && policy.includes(`style-src 'sha256-${digest}'`), policy);
  assert.doesNotMatch(body, /<script|https?:\/\/|<link rel="stylesheet"/);
});
