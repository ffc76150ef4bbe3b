/** From Kubernetes objects, wherever they were read, to the world that policy is compiled from. Pure. */
import {
  objectKey,
  type Endpoint,
  type InvalidPolicy,
  type Namespace,
  type ObjectKey,
  type Policy,
  type Service,
  type ServiceEndpoints,
  type World,
} from "../policy/model.ts";
import { addressKey } from "../policy/address/address.ts";
import { parseEndpoints, parseEndpointSlice, type ParsedEndpoints } from "../policy/objects/parse-endpoints.ts";
import { parseNamespace, parseService } from "../policy/objects/parse-service.ts";
import { candidatesIn, precedenceByName, wordsOfShadowed, type Candidate, type Precedence } from "./same-name.ts";

/** Objects by kind, as parsed from YAML or JSON. */
export interface WorldObjects {
  readonly ingressBackends: readonly unknown[];
  readonly services: readonly unknown[];
  readonly endpointSlices: readonly unknown[];
  readonly endpoints: readonly unknown[];
  readonly namespaces: readonly unknown[];
}

/** An IngressBackend without effect, and why. */
export interface ShadowedObject {
  readonly policy: ObjectKey;
  readonly problem: string;
}

/** @returns a complete world; objects that cannot be read are in it as invalid policies, or left out where nothing hangs on them */
export function buildWorld(objects: WorldObjects): World {
  return readWorld(objects).world;
}

/** As `buildWorld`, with what has no effect in that world. */
export function readWorld(objects: WorldObjects): {
  readonly world: World;
  readonly shadowed: readonly ShadowedObject[];
} {
  const precedence = precedenceByName(candidatesIn(objects.ingressBackends));
  const slices = objects.endpointSlices.flatMap((object) => parseEndpointSlice(object) ?? []);
  const endpoints = objects.endpoints.flatMap((object) => parseEndpoints(object) ?? []);
  const services = readServices(objects.services, slices);
  const united = uniteEndpoints(slices, endpoints);
  const world: World = {
    ...readPolicies(precedence),
    services,
    endpoints: united,
    knownServices: new Set([...services.keys(), ...united.keys()]),
    namespaces: new Map(objects.namespaces.flatMap((object): [string, Namespace][] => named(parseNamespace(object)))),
  };
  return { world, shadowed: shadowedBy(precedence) };
}

/** Names of the Services in `namespace` whose slices (or Endpoints, where there are no slices) hold one of the addresses. Sorted. */
export function servicesOfPod(world: World, namespace: string, podIps: readonly string[]): readonly string[] {
  const prefix = `${namespace}/`;
  const own = new Set(podIps.flatMap((address) => addressKey(address) ?? []));
  return [...world.endpoints]
    .filter(
      ([key, { endpoints }]) =>
        key.startsWith(prefix) && endpoints.some(({ address }) => own.has(addressKey(address) ?? "")),
    )
    .map(([key]) => key.slice(prefix.length))
    .sort();
}

function readPolicies(
  precedence: ReadonlyMap<ObjectKey, Precedence<Candidate>>,
): Pick<World, "policies" | "invalidPolicies"> {
  const governing = [...precedence.values()].map((one) => one.governing.object);
  return {
    policies: governing.filter((object): object is Policy => !("problems" in object)),
    invalidPolicies: governing.filter((object): object is InvalidPolicy => "problems" in object),
  };
}

function shadowedBy(precedence: ReadonlyMap<ObjectKey, Precedence<Candidate>>): readonly ShadowedObject[] {
  return [...precedence].flatMap(([policy, { governing, shadowed }]) =>
    shadowed.map((loser) => ({ policy, problem: wordsOfShadowed(loser, governing) })),
  );
}

/** A named target port gets its numbers from the slices of the Service. */
function readServices(
  objects: readonly unknown[],
  slices: readonly ParsedEndpoints[],
): ReadonlyMap<ObjectKey, Service> {
  const services = new Map(
    objects.flatMap((object) => {
      const service = parseService(object);
      return service === undefined ? [] : [[objectKey(service.namespace, service.name), service] as const];
    }),
  );
  for (const slice of slices) {
    const service = services.get(slice.service);
    if (service === undefined) continue;
    const appProtocols = new Map(service.appProtocols);
    for (const { number, appProtocol } of slice.ports)
      if (appProtocol !== undefined && !appProtocols.has(number)) appProtocols.set(number, appProtocol);
    services.set(slice.service, {
      ...service,
      targetPorts: [...new Set([...service.targetPorts, ...slice.ports.map((port) => port.number)])],
      appProtocols,
    });
  }
  return services;
}

/** The union over a Service's slices; its Endpoints object counts only where it has none, since that is cut at 1,000 addresses. */
function uniteEndpoints(
  slices: readonly ParsedEndpoints[],
  endpoints: readonly ParsedEndpoints[],
): ReadonlyMap<ObjectKey, ServiceEndpoints> {
  const sliced = new Set(slices.map((slice) => slice.service));
  const united = new Map<ObjectKey, Map<string, Endpoint>>();
  const notReady = new Map<ObjectKey, readonly Endpoint[]>();
  for (const part of [...slices, ...endpoints.filter((object) => !sliced.has(object.service))]) {
    const addresses = united.get(part.service) ?? new Map<string, Endpoint>();
    for (const endpoint of part.endpoints) addresses.set(`${endpoint.address} ${endpoint.uid ?? ""}`, endpoint);
    united.set(part.service, addresses);
    if (part.notReady.length > 0) notReady.set(part.service, [...(notReady.get(part.service) ?? []), ...part.notReady]);
  }
  return new Map(
    [...united].map(([key, addresses]) => {
      const waiting = notReady.get(key);
      return [key, { endpoints: [...addresses.values()], ...(waiting !== undefined && { notReady: waiting }) }];
    }),
  );
}

function named(namespace: Namespace | undefined): [string, Namespace][] {
  return namespace === undefined ? [] : [[namespace.name, namespace]];
}
