/** A kubeconfig file for processes that a test starts: kubectl, and sidecars outside a pod. */
import { writeFileSync } from "node:fs";
import type { HeldCredentials } from "./test-cluster.ts";

/** Writes what these credentials are now; returns the file. JSON is YAML. */
export function writeKubeconfig(file: string, { server, ca, token }: HeldCredentials): string {
  const cluster = { server: server.href, "certificate-authority-data": Buffer.from(ca).toString("base64") };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name: "test", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}
