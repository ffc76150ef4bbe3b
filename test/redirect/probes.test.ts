import assert from "node:assert/strict";
import { test } from "node:test";
import { podProbes } from "../../src/redirect/probes.ts";

const spec = {
  containers: [
    {
      name: "app",
      ports: [{ name: "web", containerPort: 80 }],
      readinessProbe: { httpGet: { path: "/", port: "web" } },
      livenessProbe: { tcpSocket: { port: 8080 } },
    },
    { name: "quiet", livenessProbe: { exec: { command: ["true"] } } },
  ],
};
const found = [
  { port: 80, container: "app", kind: "readinessProbe" },
  { port: 8080, container: "app", kind: "livenessProbe" },
];

for (const [kind, object] of [
  ["Pod", { kind: "Pod", spec }],
  ["Deployment", { kind: "Deployment", spec: { template: { spec } } }],
  ["CronJob", { kind: "CronJob", spec: { jobTemplate: { spec: { template: { spec } } } } }],
] as const) {
  test(`podProbes() finds ports by number and by name in a ${kind}`, () => {
    assert.deepEqual(podProbes(object), { probes: found, hostNetwork: false });
  });
}

test("podProbes() sees hostNetwork, and no pod where there is none", () => {
  assert.equal(podProbes({ kind: "Pod", spec: { hostNetwork: true } })?.hostNetwork, true);
  for (const object of [{ kind: "Service", spec: { ports: [] } }, { kind: "Pod" }, null, "Pod"])
    assert.equal(podProbes(object), undefined);
});

test("podProbes() passes over probes whose port has no number", () => {
  const odd = { containers: [{ livenessProbe: { httpGet: { port: "nowhere" } } }, { readinessProbe: 7 }, "x"] };
  assert.deepEqual(podProbes({ kind: "Pod", spec: odd })?.probes, []);
});
