/**
 * `target-port`: Services bring connections to the sidecar's listener by the target port that they name. A port that is
 * named moves with its name, within the pod; a number has to be changed in the Service. Pure.
 */
import { isFields, itemsAt, textAt } from "./fields.ts";
import type { Fields, GuardedPort } from "./injection.ts";

export interface TakenNames {
  /** Without the names of guarded ports. */
  readonly spec: Fields;
  readonly names: readonly { readonly name: string; readonly listen: number }[];
  readonly notes: readonly string[];
}

export function takeNames(spec: Fields, ports: readonly GuardedPort[]): TakenNames {
  const names: { readonly name: string; readonly listen: number }[] = [];
  const take = (container: Fields): Fields => {
    if (!Array.isArray(container["ports"])) return container;
    const left = (container["ports"] as readonly unknown[]).map((entry) => {
      if (!isFields(entry) || (entry["protocol"] ?? "TCP") !== "TCP") return entry;
      const name = textAt(entry, "name");
      const guarded = ports.find(({ port }) => port === entry["containerPort"]);
      if (name === undefined || guarded === undefined) return entry;
      // Two containers may declare one port.
      if (!names.some((taken) => taken.name === name)) names.push({ name, listen: guarded.listen });
      const { name: _taken, ...rest } = entry;
      return rest;
    });
    return { ...container, ports: left };
  };
  // Services do not see the ports of an init container that ends.
  const takeOfSidecar = (container: Fields): Fields =>
    container["restartPolicy"] === "Always" ? take(container) : container;
  const taken = {
    ...spec,
    containers: itemsAt(spec, "containers").map(take),
    ...(Array.isArray(spec["initContainers"]) && {
      initContainers: itemsAt(spec, "initContainers").map(takeOfSidecar),
    }),
  };
  const numbers = ports.map(({ port, listen }) => `${port} -> ${listen}`).join(", ");
  return {
    spec: taken,
    names,
    notes: [
      `Services that select the pod and give a target port by number have to point at the sidecar: ${numbers}`,
      "whoever reaches the application's own port goes past the sidecar: let it listen on 127.0.0.1, or apply a NetworkPolicy",
    ],
  };
}

/** The Service with its numbers moved, or as it is when none is a guarded port. */
export function movedService(service: Fields, ports: readonly GuardedPort[]): Fields {
  const spec = service["spec"];
  if (!isFields(spec) || !Array.isArray(spec["ports"])) return service;
  const moved = (spec["ports"] as readonly unknown[]).map((entry) => {
    if (!isFields(entry) || (entry["protocol"] ?? "TCP") !== "TCP") return entry;
    // Kubernetes API reference, ServicePort: without a target port it is the port itself.
    const guarded = ports.find(({ port }) => port === (entry["targetPort"] ?? entry["port"]));
    return guarded === undefined ? entry : { ...entry, targetPort: guarded.listen };
  });
  return { ...service, spec: { ...spec, ports: moved } };
}
