import assert from "node:assert/strict";
import { test } from "node:test";
import { objectPatch } from "../../../src/controller/webhook/object-patch.ts";
import { selects, targetPortsOf } from "../../../src/controller/webhook/service-ports.ts";

test("a patch names the members that differ, and no others", () => {
  const before = { metadata: { name: "a", labels: { x: "y" } }, spec: { containers: [1], old: true }, status: {} };
  const after = {
    metadata: { name: "a", labels: { x: "y" }, annotations: { "a/b~c": "1" } },
    spec: { containers: [1, 2], "odd/~name": 1 },
    status: { ignored: true },
  };
  assert.deepEqual(objectPatch(before, after), [
    { op: "add", path: "/metadata/annotations", value: { "a/b~c": "1" } },
    { op: "add", path: "/spec/containers", value: [1, 2] },
    { op: "add", path: "/spec/odd~1~0name", value: 1 },
    { op: "remove", path: "/spec/old" },
  ]);
  assert.deepEqual(objectPatch(before, before), []);
});

test("a Service selects by all of its labels, and one without a selector selects nothing", () => {
  const service = (selector?: object): object => ({ spec: { selector } });
  assert.equal(selects({ ...service({ a: "1" }) }, { a: "1", b: "2" }), true);
  assert.equal(selects({ ...service({ a: "1", c: "3" }) }, { a: "1" }), false);
  assert.equal(selects({ ...service({}) }, { a: "1" }), false);
  assert.equal(selects({ ...service() }, { a: "1" }), false);
});

test("target ports are numbers and names, the port itself where there is none, TCP alone", () => {
  const ports = [
    { port: 80 },
    { port: 81, targetPort: 8081, protocol: "TCP" },
    { port: 82, targetPort: "web" },
    { port: 53, protocol: "UDP" },
  ];
  assert.deepEqual(targetPortsOf({ spec: { ports } }), [80, 8081, "web"]);
});
