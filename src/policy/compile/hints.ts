/** What a snapshot keeps for explanations alone. Bounded: a namespace may hold any number of objects and endpoints. */
import {
  backendPort,
  objectKey,
  type InvalidPolicy,
  type ObjectKey,
  type Policy,
  type Self,
  type World,
} from "../model.ts";
import { ownService, splitBackendName } from "../own-service.ts";
import { peerAddress } from "../address/peer-address.ts";
import type { Departure, ForeignPolicy, Hints, UnmatchedPolicy } from "../snapshot.ts";

const MOST_UNMATCHED = 100;
const MOST_ADDRESSES = 1_000;

export function hintsOf(world: World, self: Self): Hints {
  return {
    namespace: self.namespace,
    services: self.services,
    ...(self.podName !== undefined && { podName: self.podName }),
    nodes: self.nodes ?? [],
    unmatched: unmatchedOf(world, self),
    foreign: foreignOf(world, self),
    notReady: notReadyOf(world),
    departed: departedOf(world),
  };
}

function unmatchedOf(world: World, self: Self): readonly UnmatchedPolicy[] {
  return [...world.policies, ...world.invalidPolicies]
    .filter((object) => object.namespace === self.namespace)
    .map((object) => toUnmatched(world, object))
    .filter(({ backends }) => !backends.some(({ service }) => ownService(service, self) !== undefined))
    .sort((a, b) => (a.policy < b.policy ? -1 : 1))
    .slice(0, MOST_UNMATCHED);
}

function foreignOf(world: World, self: Self): readonly ForeignPolicy[] {
  return [...world.policies, ...world.invalidPolicies]
    .filter(({ namespace }) => namespace !== self.namespace)
    .map((object) => ({
      policy: objectKey(object.namespace, object.name),
      namespace: object.namespace,
      ports: backendsOf(object).flatMap(({ service, port }) => (ownService(service, self) === undefined ? [] : [port])),
    }))
    .filter(({ ports }) => ports.length > 0)
    .sort((a, b) => (a.policy < b.policy ? -1 : 1))
    .slice(0, MOST_UNMATCHED);
}

function backendsOf(object: Policy | InvalidPolicy): UnmatchedPolicy["backends"] {
  return "problems" in object
    ? object.backends.map(({ name, port }) => ({ service: name, port: backendPort(port) }))
    : object.backends.map(({ name, port }) => ({ service: name, port: backendPort(port.number) }));
}

function toUnmatched({ knownServices }: World, object: Policy | InvalidPolicy): UnmatchedPolicy {
  const { namespace } = object;
  const backends = backendsOf(object);
  const named = [...new Set(backends.map(({ service }) => service))];
  return {
    policy: objectKey(namespace, object.name),
    backends,
    missing:
      knownServices === undefined
        ? []
        : named.filter((name) => !knownServices.has(objectKey(namespace, splitBackendName(name).service))),
  };
}

function notReadyOf(world: World): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [key, { notReady = [] }] of world.endpoints)
    for (const { address } of notReady) if (found.size < MOST_ADDRESSES) found.set(textOf(address), sourceOf(key));
  return found;
}

function departedOf(world: World): ReadonlyMap<string, Departure> {
  const found = new Map<string, Departure>();
  for (const [key, addresses] of world.departed ?? [])
    for (const [address, at] of addresses)
      if (found.size < MOST_ADDRESSES) found.set(textOf(address), { source: sourceOf(key), at });
  return found;
}

/** As a peer's address is written. */
function textOf(address: string): string {
  return peerAddress(address).text;
}

function sourceOf(key: ObjectKey): string {
  return `Service ${key}`;
}
