/** Service and Namespace objects, as far as policy needs them. */
import type { Namespace, Service } from "../model.ts";
import { asArray, asRecord, asString, field, isPort } from "./unknown.ts";

/** `undefined` for an object without a name. A Service port without a target port is its own target (API default). */
export function parseService(object: unknown): Service | undefined {
  const root = asRecord(object);
  const metadata = asRecord(field(root, "metadata"));
  const name = asString(field(metadata, "name"));
  if (name === undefined || name === "") return undefined;
  const targetPorts: number[] = [];
  const appProtocols = new Map<number, string>();
  let hasNamedTargetPorts = false;
  for (const entry of asArray(field(asRecord(field(root, "spec")), "ports"))) {
    const port = asRecord(entry);
    const target = field(port, "targetPort") ?? field(port, "port");
    if (typeof target === "string") hasNamedTargetPorts = true;
    if (!isPort(target)) continue;
    targetPorts.push(target);
    const appProtocol = asString(field(port, "appProtocol"));
    if (appProtocol !== undefined && !appProtocols.has(target)) appProtocols.set(target, appProtocol);
  }
  return {
    name,
    namespace: asString(field(metadata, "namespace")) ?? "default",
    targetPorts,
    appProtocols,
    hasNamedTargetPorts,
  };
}

/** `undefined` for an object without a name. */
export function parseNamespace(object: unknown): Namespace | undefined {
  const metadata = asRecord(field(asRecord(object), "metadata"));
  const name = asString(field(metadata, "name"));
  if (name === undefined || name === "") return undefined;
  const labels = Object.entries(asRecord(field(metadata, "labels")) ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return { name, labels: new Map(labels) };
}
