/** The source Services that policies name, and the labels of their namespaces when a mesh name asks for them. */
import type { ResourceHealth } from "../discovery.ts";
import { objectKey } from "../../policy/model.ts";
import type { InvalidPolicy, Namespace, ObjectKey, Policy, ServiceEndpoints } from "../../policy/model.ts";
import type { ParsedEndpoints } from "../../policy/objects/parse-endpoints.ts";
import { parseNamespace } from "../../policy/objects/parse-service.ts";
import { Reflector } from "../../api-server/watch/reflector.ts";
import type { ReflectorEnvironment } from "../../api-server/watch/reflector-environment.ts";
import { ReflectorSet } from "../../api-server/watch/reflector-set.ts";
import { sliceReflector, unionOf } from "./slices.ts";
import { isDeepStrictEqual } from "node:util";

/** Union of one source's slices, kept until one of them changes. */
interface Union {
  readonly unknown: string | undefined;
  readonly slices: readonly ParsedEndpoints[];
  readonly value: ServiceEndpoints;
}

export class SourceServices {
  readonly #slices: ReflectorSet<ParsedEndpoints>;
  readonly #namespaces: ReflectorSet<Namespace> | undefined;
  readonly #unions = new Map<string, Union>();
  readonly #unknownNamespaces = new Map<string, Namespace>();

  /** @param withNamespaces follow the labels of source namespaces too */
  constructor(environment: ReflectorEnvironment, withNamespaces: boolean, onChange: () => void) {
    this.#slices = new ReflectorSet((key) => {
      const [namespace = "", name = ""] = key.split("/");
      return sliceReflector(environment, namespace, name, onChange);
    });
    if (withNamespaces) this.#namespaces = new ReflectorSet((name) => namespaceReflector(environment, name, onChange));
  }

  /** Follows what these objects name, and nothing more. */
  follow(policies: Iterable<Policy | InvalidPolicy>): void {
    const keys = new Set<string>();
    const namespaces = new Set<string>();
    for (const policy of policies) {
      for (const { namespace, name } of serviceSourcesOf(policy)) {
        keys.add(objectKey(namespace, name));
        namespaces.add(namespace);
      }
    }
    this.#slices.follow(keys);
    this.#namespaces?.follow(namespaces);
    for (const key of this.#unions.keys()) if (!keys.has(key)) this.#unions.delete(key);
    for (const name of this.#unknownNamespaces.keys()) if (!namespaces.has(name)) this.#unknownNamespaces.delete(name);
  }

  get settled(): boolean {
    return this.#slices.settled && (this.#namespaces?.settled ?? true);
  }

  health(): readonly ResourceHealth[] {
    return [...this.#slices.health(), ...(this.#namespaces?.health() ?? [])];
  }

  endpoints(): ReadonlyMap<ObjectKey, ServiceEndpoints> {
    const endpoints = new Map<ObjectKey, ServiceEndpoints>();
    for (const [key, reflector] of this.#slices.entries())
      endpoints.set(key as ObjectKey, this.#unionOf(key, reflector));
    return endpoints;
  }

  namespaces(): ReadonlyMap<string, Namespace> {
    const namespaces = new Map<string, Namespace>();
    for (const [name, reflector] of this.#namespaces?.entries() ?? []) {
      if (reflector.unknown !== undefined) {
        namespaces.set(name, this.#unknownNamespace(name, reflector.unknown));
        continue;
      }
      for (const namespace of reflector.items.values()) namespaces.set(namespace.name, namespace);
    }
    return namespaces;
  }

  async stop(): Promise<void> {
    await Promise.all([this.#slices.stop(), this.#namespaces?.stop()]);
  }

  #unionOf(key: string, reflector: Reflector<ParsedEndpoints>): ServiceEndpoints {
    const { unknown } = reflector;
    const slices = unknown === undefined ? [...reflector.items.values()] : [];
    const last = this.#unions.get(key);
    if (last !== undefined && last.unknown === unknown && sameElements(last.slices, slices)) return last.value;
    const value = unknown === undefined ? unionOf(slices) : { endpoints: [], unknown };
    this.#unions.set(key, { unknown, slices, value });
    return value;
  }

  /** The same object as long as the reason stands, so that it changes no world. */
  #unknownNamespace(name: string, unknown: string): Namespace {
    const last = this.#unknownNamespaces.get(name);
    if (last?.unknown === unknown) return last;
    const namespace = { name, labels: new Map<string, string>(), unknown };
    this.#unknownNamespaces.set(name, namespace);
    return namespace;
  }
}

/** Names that cannot be Services are left to the compiler to report: they must not become part of a request. */
function serviceSourcesOf(
  policy: Policy | InvalidPolicy,
): readonly { readonly namespace: string; readonly name: string }[] {
  if ("problems" in policy) return [];
  return policy.sources.flatMap(({ kind, namespace, name }) =>
    kind === "Service" && namespace !== undefined && isLabel(namespace) && isLabel(name) ? [{ namespace, name }] : [],
  );
}

/** A DNS label, as namespaces and Services are named (RFC 1123; Services RFC 1035). */
function isLabel(name: string): boolean {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name);
}

function namespaceReflector(
  environment: ReflectorEnvironment,
  name: string,
  onChange: () => void,
): Reflector<Namespace> {
  return new Reflector<Namespace>(environment, {
    resource: `namespaces ${name}`,
    path: "/api/v1/namespaces",
    selector: { fieldSelector: `metadata.name=${name}` },
    project: (object, _identity, previous) => {
      const parsed = parseNamespace(object);
      return isDeepStrictEqual(parsed, previous) ? previous : parsed;
    },
    onChange,
  });
}

export function sameElements<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((element, index) => element === b[index]);
}
