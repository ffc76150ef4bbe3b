import assert from "node:assert/strict";
import { test } from "node:test";
import { missingBinding } from "../../../src/api-server/watch/missing-binding.ts";

const forbidden = (user: string, what: string, where: string): string =>
  `x is forbidden: User "${user}" cannot list resource "${what}" in API group "discovery.k8s.io" ${where}`;
const ACCOUNT = "system:serviceaccount:shop:cart";
const inside = (namespace: string): string => `in the namespace "${namespace}"`;

test("the binding that is missing is named by namespace and service account, as a line to paste", () => {
  for (const [message, expected] of [
    [
      forbidden(ACCOUNT, "ingressbackends", inside("shop")),
      "bind ClusterRole postern (config/kubernetes/roles.yaml): kubectl create rolebinding postern:cart -n shop --clusterrole=postern --serviceaccount=shop:cart",
    ],
    [
      forbidden(ACCOUNT, "ingressbackends/status", inside("shop")),
      "bind ClusterRole postern (config/kubernetes/roles.yaml): kubectl create rolebinding postern:cart -n shop --clusterrole=postern --serviceaccount=shop:cart",
    ],
    [
      forbidden(ACCOUNT, "endpointslices", inside("gateways")),
      "bind ClusterRole postern-sources (config/kubernetes/roles.yaml): kubectl create clusterrolebinding postern-sources:shop:cart --clusterrole=postern-sources --serviceaccount=shop:cart; or for that namespace alone: kubectl create rolebinding postern-sources:shop:cart -n gateways --clusterrole=postern-sources --serviceaccount=shop:cart",
    ],
    [
      forbidden(ACCOUNT, "namespaces", "at the cluster scope"),
      "bind ClusterRole postern-mesh (config/kubernetes/mesh.yaml): kubectl create clusterrolebinding postern-mesh:shop:cart --clusterrole=postern-mesh --serviceaccount=shop:cart",
    ],
    [
      forbidden("jane@example.com", "leases", inside("shop")),
      "bind ClusterRole postern (config/kubernetes/roles.yaml): kubectl create rolebinding postern:jane@example.com -n shop --clusterrole=postern --user=jane@example.com",
    ],
  ] as const)
    assert.equal(missingBinding(message), expected);
});

test("another's text, and what would mean something to a shell, gives no line", () => {
  for (const message of [
    "",
    "Forbidden",
    forbidden("$(reboot)", "leases", inside("a")),
    forbidden("a", "leases", inside("b;c")),
  ])
    assert.equal(missingBinding(message), undefined, message);
});
