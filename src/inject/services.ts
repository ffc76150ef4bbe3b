/** Which Services of the same manifests bring connections to a pod. Pure. */
import { fieldsAt, itemsAt, textAt } from "./fields.ts";
import type { Fields, PodManifest } from "./injection.ts";

export function isService({ apiVersion, kind }: Fields): boolean {
  return apiVersion === "v1" && kind === "Service";
}

/** @param owner the object that the pod is of; a pod of a template is made in its namespace */
export function selects(service: Fields, owner: Fields, pod: PodManifest): boolean {
  const namespace = (object: Fields): string => textAt(fieldsAt(object, "metadata"), "namespace") ?? "";
  if (namespace(service) !== namespace(owner)) return false;
  const labels = fieldsAt(pod.metadata, "labels");
  const selector = Object.entries(fieldsAt(fieldsAt(service, "spec"), "selector"));
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value);
}

/** Target ports over TCP, by number or name. Kubernetes API reference, ServicePort: without one it is the port itself. */
export function targetPorts(service: Fields): readonly (number | string)[] {
  return itemsAt(fieldsAt(service, "spec"), "ports").flatMap(({ protocol, port, targetPort }) => {
    const target = targetPort ?? port;
    return (protocol ?? "TCP") === "TCP" && (typeof target === "number" || typeof target === "string") ? target : [];
  });
}
