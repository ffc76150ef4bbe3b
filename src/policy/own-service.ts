/** The names under which policies know a backend of this pod. */
import type { Self } from "./model.ts";

/**
 * The Service that a backend's name stands for here: the name itself where this pod backs it, and `POD.SERVICE` where POD is
 * this pod. That form is OSM's for headless Services whose endpoints have hostnames, as a StatefulSet's have: there each pod
 * is a backend of its own. `undefined` where the name is not of this pod.
 */
export function ownService(name: string, self: Pick<Self, "services" | "podName">): string | undefined {
  if (self.services.includes(name)) return name;
  const { pod, service } = splitBackendName(name);
  return pod !== undefined && pod === self.podName && self.services.includes(service) ? service : undefined;
}

/** Names of pods' hosts and of Services are single labels, so that the first dot parts them. */
export function splitBackendName(name: string): { readonly pod?: string; readonly service: string } {
  const dot = name.indexOf(".");
  return dot === -1 ? { service: name } : { pod: name.slice(0, dot), service: name.slice(dot + 1) };
}
