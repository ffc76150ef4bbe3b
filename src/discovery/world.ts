/** From Kubernetes objects, wherever they were read, to the world that policy is compiled from. Pure. */
import {
  objectKey,
  type Endpoint,
  type InvalidPolicy,
  type Namespace,
  type ObjectKey,
  type Policy,
  type Problem,
  type Service,
  type ServiceEndpoints,
  type World,
} from "../policy/model.ts";
import { addressKey } from "../policy/address/address.ts";
import { parseEndpoints, parseEndpointSlice, type ParsedEndpoints } from "../policy/objects/parse-endpoints.ts";
import { parseIngressBackend } from "../policy/objects/parse.ts";
import { parseNamespace, parseService } from "../policy/objects/parse-service.ts";

/** Objects by kind, as parsed from YAML or JSON. */
export interface WorldObjects {
  readonly ingressBackends: readonly unknown[];
  readonly services: readonly unknown[];
  readonly endpointSlices: readonly unknown[];
  readonly endpoints: readonly unknown[];
  readonly namespaces: readonly unknown[];
}

/** What an object that is followed, but says something twice, means: the stricter reading. */
const DUPLICATE: Problem = {
  severity: "error",
  path: "metadata.name",
  message: "the object is defined more than once, with different content",
};

/** @returns a complete world; objects that cannot be read are in it as invalid policies, or left out where nothing hangs on them */
export function buildWorld(objects: WorldObjects): World {
  const slices = objects.endpointSlices.flatMap((object) => parseEndpointSlice(object) ?? []);
  const endpoints = objects.endpoints.flatMap((object) => parseEndpoints(object) ?? []);
  const services = readServices(objects.services, slices);
  const united = uniteEndpoints(slices, endpoints);
  return {
    ...readPolicies(objects.ingressBackends),
    services,
    endpoints: united,
    knownServices: new Set([...services.keys(), ...united.keys()]),
    namespaces: new Map(objects.namespaces.flatMap((object): [string, Namespace][] => named(parseNamespace(object)))),
  };
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

function readPolicies(objects: readonly unknown[]): Pick<World, "policies" | "invalidPolicies"> {
  const policies = new Map<ObjectKey, Policy>();
  const invalidPolicies = new Map<ObjectKey, InvalidPolicy>();
  for (const object of objects) {
    const { policy, invalid } = parseIngressBackend(object);
    const found = policy ?? invalid;
    if (found === undefined) continue;
    const key = objectKey(found.namespace, found.name);
    const former = policies.get(key) ?? invalidPolicies.get(key);
    if (former !== undefined && JSON.stringify(former) !== JSON.stringify(found)) {
      policies.delete(key);
      invalidPolicies.set(key, contradiction(former, found));
    } else if (policy !== undefined) policies.set(key, policy);
    else if (invalid !== undefined) invalidPolicies.set(key, invalid);
  }
  return { policies: [...policies.values()], invalidPolicies: [...invalidPolicies.values()] };
}

/** Two objects of one name that differ: nobody can tell which is meant, so whatever either claims stays closed. */
function contradiction(a: Policy | InvalidPolicy, b: Policy | InvalidPolicy): InvalidPolicy {
  const backends = [...claimsOf(a), ...claimsOf(b)];
  const oldest = Math.min(a.createdAt ?? Infinity, b.createdAt ?? Infinity);
  return {
    name: a.name,
    namespace: a.namespace,
    ...(Number.isFinite(oldest) && { createdAt: oldest }),
    backends,
    problems: [DUPLICATE],
  };
}

function claimsOf(object: Policy | InvalidPolicy): InvalidPolicy["backends"] {
  return "problems" in object
    ? object.backends
    : object.backends.map(({ name, port }) => ({ name, port: port.number }));
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
