import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type RedirectPlan,
  type RedirectSite,
  planNotes,
  planProblems,
  sourceFamily,
} from "../../src/redirect/plan.ts";

const pod: RedirectSite = { reservedPorts: [15_000] };
const plan: RedirectPlan = { redirects: [{ port: 80, to: 15_080 }], excludedInterfaces: [], excludedSources: [] };

test("planProblems() finds nothing wrong with one redirected port", () => {
  assert.deepEqual(
    planProblems({ ...plan, excludedInterfaces: ["eth1"], excludedSources: ["10.0.0.1", "fd00::/8"] }, pod),
    [],
  );
});

const refused: readonly [name: string, plan: RedirectPlan, site: RedirectSite, message: RegExp][] = [
  ["the node's namespace", plan, { ...pod, hostNetwork: "it has docker0" }, /node's own network namespace/],
  ["nothing to redirect", { ...plan, redirects: [] }, pod, /no port to redirect/],
  [
    "a port redirected to itself",
    { ...plan, redirects: [{ port: 80, to: 80 }] },
    pod,
    /port 80 would be redirected to itself/,
  ],
  [
    "a port named twice",
    {
      ...plan,
      redirects: [
        { port: 80, to: 1 },
        { port: 80, to: 2 },
      ],
    },
    pod,
    /port 80 is redirected twice/,
  ],
  [
    "a listener redirected in turn",
    {
      ...plan,
      redirects: [
        { port: 80, to: 8080 },
        { port: 8080, to: 9090 },
      ],
    },
    pod,
    /port 8080 is a listener/,
  ],
  [
    "two ports on one listener",
    {
      ...plan,
      redirects: [
        { port: 80, to: 8080 },
        { port: 81, to: 8080 },
      ],
    },
    pod,
    /share one listener/,
  ],
  ["the admin port", { ...plan, redirects: [{ port: 15_000, to: 8080 }] }, pod, /port 15000 is excluded/],
  [
    "a listener on loopback",
    { ...plan, redirects: [{ port: 80, to: 15_080, listenHost: "127.0.0.1" }] },
    pod,
    /arrive at the pod's own address/,
  ],
  ["an interface name with a quote", { ...plan, excludedInterfaces: ['eth0" drop'] }, pod, /not an interface name/],
  ["a source that is a name", { ...plan, excludedSources: ["node.example"] }, pod, /'node.example' is not an address/],
];
for (const [name, wrong, site, message] of refused) {
  test(`planProblems() refuses ${name}`, () => {
    assert.match(planProblems(wrong, site).join("\n"), message);
  });
}

test("sourceFamily() tells families apart and refuses what is no address", () => {
  assert.deepEqual(["10.0.0.0/8", "10.0.0.1", "fd00::1", "fd00::/8"].map(sourceFamily), [4, 4, 6, 6]);
});

for (const source of [
  "::ffff:1.2.3.4",
  "::ffff:0:0/96",
  "node",
  "1.2.3.4; drop",
  "999.1.1.1",
  "10.0.0.0/33",
  "fe80::1%eth0",
]) {
  test(`sourceFamily() has none for '${source}'`, () => assert.equal(sourceFamily(source), undefined));
}

test("planNotes() says who passes Postern by, and where IPv6 meets no listener", () => {
  const notes = planNotes({
    redirects: [{ port: 80, to: 15_080, listenHost: "0.0.0.0" }],
    excludedInterfaces: [],
    excludedSources: ["10.0.0.1"],
  });
  assert.match(notes[0] ?? "", /^port 80 is redirected for IPv6 too/);
  assert.match(notes[1] ?? "", /^10\.0\.0\.1 reaches the application past Postern/);
  assert.deepEqual(planNotes(plan), []);
});
