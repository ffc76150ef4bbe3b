/** The Services that this pod backs: named by the operator, or found from the EndpointSlices that hold its address. */
import { isDeepStrictEqual } from "node:util";
import type { ResourceHealth } from "../discovery.ts";
import { addressKey } from "../../policy/address/address.ts";
import { objectKey } from "../../policy/model.ts";
import type { ObjectKey, Service } from "../../policy/model.ts";
import { parseEndpointSlice } from "../../policy/objects/parse-endpoints.ts";
import type { EndpointPort } from "../../policy/objects/parse-endpoints.ts";
import { listOf, textOf } from "../../api-server/objects.ts";
import type { KubernetesObject } from "../../api-server/objects.ts";
import { Reflector } from "../../api-server/watch/reflector.ts";
import type { ReflectorEnvironment } from "../../api-server/watch/reflector-environment.ts";
import { slicePath } from "./slices.ts";
import { SERVICE_LABEL } from "../../policy/objects/parse-endpoints.ts";

export interface OwnServicesOptions {
  readonly namespace: string;
  /** Named Services; then only their slices are followed. */
  readonly services?: readonly string[];
  /** Required when no Services are named. Of both families in a dual-stack pod, whose Services have slices of either. */
  readonly podIps?: readonly string[];
  readonly onChange: () => void;
}

/** What is kept of a slice of our own namespace: of a stranger's, that its Service is there. */
interface OwnSlice {
  readonly service: string;
  /** It holds our address, or is of a Service that was named. */
  readonly own: boolean;
  readonly ports: readonly EndpointPort[];
}

export class OwnServices {
  readonly #namespace: string;
  readonly #named: readonly string[] | undefined;
  readonly #reflectors: readonly Reflector<OwnSlice>[];

  /** @throws Error when neither Services nor a usable pod address is given */
  constructor(environment: ReflectorEnvironment, options: OwnServicesOptions) {
    this.#namespace = options.namespace;
    this.#named = options.services;
    if (options.services !== undefined) {
      this.#reflectors = options.services.map((service) =>
        ownReflector(environment, options, ` ${service}`, { labelSelector: `${SERVICE_LABEL}=${service}` }, () => true),
      );
      return;
    }
    const own = ownAddresses(options.podIps ?? []);
    const holdsUs = (object: KubernetesObject): boolean =>
      listOf(object, "endpoints").some((endpoint) =>
        listOf(endpoint, "addresses").some((address) => own.has(addressKey(String(address)) ?? "")),
      );
    this.#reflectors = [ownReflector(environment, options, "", { labelSelector: SERVICE_LABEL }, holdsUs)];
  }

  start(): void {
    for (const reflector of this.#reflectors) reflector.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  get settled(): boolean {
    return this.#reflectors.every((reflector) => reflector.settled);
  }

  /** Which Services are ours is known. Named ones need no answer for that; their ports only serve warnings. */
  get synced(): boolean {
    return this.#named === undefined ? this.#reflectors.every((reflector) => reflector.synced) : this.settled;
  }

  /** Why it is not known which Services are ours, in words. Named ones are known always. */
  get unknown(): string | undefined {
    return this.#named === undefined
      ? this.#reflectors.find(({ unknown }) => unknown !== undefined)?.unknown
      : undefined;
  }

  health(): readonly ResourceHealth[] {
    return this.#reflectors.map((reflector) => reflector.health());
  }

  /** Sorted; the last that were known while `unknown` is set. */
  names(): readonly string[] {
    return this.#named ?? [...new Set(this.#slices().map((slice) => slice.service))].sort();
  }

  services(): ReadonlyMap<ObjectKey, Service> {
    const ports = new Map<string, EndpointPort[]>();
    for (const slice of this.#slices()) ports.set(slice.service, [...(ports.get(slice.service) ?? []), ...slice.ports]);
    return new Map(
      [...ports].map(([name, declared]) => [
        objectKey(this.#namespace, name),
        serviceOf(this.#namespace, name, declared),
      ]),
    );
  }

  /** Services of the namespace that have an EndpointSlice; `undefined` where only those that were named are followed. */
  known(): ReadonlySet<ObjectKey> | undefined {
    if (this.#named !== undefined || this.unknown !== undefined) return undefined;
    return new Set(this.#all().map(({ service }) => objectKey(this.#namespace, service)));
  }

  #slices(): readonly OwnSlice[] {
    return this.#all().filter(({ own }) => own);
  }

  #all(): readonly OwnSlice[] {
    return this.#reflectors.flatMap((reflector) => [...reflector.items.values()]);
  }
}

/** @throws Error when there is none, or one that is no address */
function ownAddresses(podIps: readonly string[]): ReadonlySet<string> {
  const own = podIps.map(addressKey);
  if (own.length > 0 && own.every((address) => address !== undefined)) return new Set(own);
  throw new Error(
    `pod IP ${podIps.length === 0 ? "is not set" : podIps.join(",")}: set POD_IPS from the downward API (fieldRef status.podIPs), or name the Services with --service`,
  );
}

function ownReflector(
  environment: ReflectorEnvironment,
  options: OwnServicesOptions,
  suffix: string,
  selector: Readonly<Record<string, string>>,
  matters: (object: KubernetesObject) => boolean,
): Reflector<OwnSlice> {
  return new Reflector<OwnSlice>(environment, {
    resource: `endpointslices of own services${suffix}`,
    path: slicePath(options.namespace),
    selector,
    project: (object, _identity, previous) => {
      const own = matters(object);
      const service = textOf((object["metadata"] as KubernetesObject)["labels"], SERVICE_LABEL);
      if (service === undefined || service === "") return undefined;
      const slice: OwnSlice = { service, own, ports: own ? (parseEndpointSlice(object)?.ports ?? []) : [] };
      return isDeepStrictEqual(slice, previous) ? previous : slice;
    },
    onChange: options.onChange,
  });
}

/** A slice carries target ports by number, whether the Service names or numbers them; without any, nothing is known of them. */
function serviceOf(namespace: string, name: string, ports: readonly EndpointPort[]): Service {
  const appProtocols = new Map<number, string>();
  for (const { number, appProtocol } of ports)
    if (appProtocol !== undefined && !appProtocols.has(number)) appProtocols.set(number, appProtocol);
  const targetPorts = [...new Set(ports.map((port) => port.number))];
  return { name, namespace, targetPorts, appProtocols, hasNamedTargetPorts: targetPorts.length === 0 };
}
