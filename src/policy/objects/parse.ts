/**
 * An IngressBackend object as an API server or a file gives it, held against the schema of its CRD. Never throws: what does
 * not fit becomes an invalid policy, whose backends are claimed and stay closed.
 */
import type { BackendSpec, InvalidPolicy, Policy, Problem, SourceSpec } from "../model.ts";
import { readEnforcement } from "./enforcement.ts";
import type { Judged } from "./validate.ts";
import { asArray, asRecord, asString, field, isPort, typeName, type UnknownRecord } from "./unknown.ts";

/** Groups that serve the same schema: OSM's own, and that of its fork. */
export const INGRESS_BACKEND_VERSIONS: readonly string[] = [
  "policy.openservicemesh.io/v1alpha1",
  "policy.flomesh.io/v1alpha1",
];

export interface ParsedPolicy {
  /** Set when every rule of the schema holds. */
  readonly policy?: Policy;
  readonly invalid?: InvalidPolicy;
  /** Beside `invalid`: the parts that hold by themselves, at their places. */
  readonly readable?: Judged;
  /** Errors and warnings, in the order of the object. */
  readonly problems: readonly Problem[];
}

/** Collects problems while a reader walks the object. */
class Reader {
  readonly problems: Problem[] = [];

  error(path: string, message: string): void {
    this.problems.push({ severity: "error", path, message });
  }

  /** Nothing is asked of a parent that is missing itself: its own problem is enough. */
  required(record: UnknownRecord | undefined, name: string, path: string): unknown {
    if (record === undefined) return undefined;
    const value = field(record, name);
    if (value === undefined) this.error(`${path}.${name}`, "Required value");
    return value;
  }

  object(value: unknown, path: string): UnknownRecord | undefined {
    const record = asRecord(value);
    if (record === undefined && value !== undefined) this.#type(path, value, "object");
    return record;
  }

  list(value: unknown, path: string): readonly unknown[] {
    if (value !== undefined && !Array.isArray(value)) this.#type(path, value, "array");
    return asArray(value);
  }

  string(value: unknown, path: string): string | undefined {
    if (value !== undefined && typeof value !== "string") this.#type(path, value, "string");
    return asString(value);
  }

  unknown(record: UnknownRecord | undefined, path: string, known: readonly string[]): void {
    for (const name of Object.keys(record ?? {})) {
      if (!known.includes(name))
        this.problems.push({
          severity: "warning",
          path: `${path}.${name}`,
          message: `unknown field "${name}" is ignored`,
        });
    }
  }

  #type(path: string, value: unknown, expected: string): void {
    this.error(path, `Invalid value: "${typeName(value)}": must be of type ${expected}: "${typeName(value)}"`);
  }
}

/** Reads one IngressBackend of either API group; the caller has checked `kind`. */
export function parseIngressBackend(object: unknown): ParsedPolicy {
  const reader = new Reader();
  const root = asRecord(object);
  const metadata = asRecord(field(root, "metadata"));
  const identity = readIdentity(metadata);
  if (identity.name === "") reader.error("metadata.name", "Required value: name or generateName is required");

  if (field(root, "spec") === undefined) reader.error("spec", "Required value");
  const spec = reader.object(field(root, "spec"), "spec");
  reader.unknown(spec, "spec", ["backends", "sources", "matches"]);
  const backends = reader
    .list(reader.required(spec, "backends", "spec"), "spec.backends")
    .map((value, index) => readBackend(reader, value, `spec.backends[${index}]`));
  const sources = reader
    .list(reader.required(spec, "sources", "spec"), "spec.sources")
    .map((value, index) => readSource(reader, value, `spec.sources[${index}]`));
  const matches = reader.list(field(spec, "matches"), "spec.matches");
  matches.forEach((value, index) => readMatch(reader, value, `spec.matches[${index}]`));

  const { problems } = reader;
  const beside = { hasMatches: matches.length > 0, ...readEnforcement(metadata) };
  if (problems.some((problem) => problem.severity === "error")) {
    const claimed = backends.flatMap(({ name, port }) =>
      name !== undefined && port !== undefined ? [{ name, port }] : [],
    );
    const readable = { ...identity, backends: backends.map(({ spec: backend }) => backend), sources, ...beside };
    return { invalid: { ...identity, backends: claimed, problems }, readable, problems };
  }
  const policy: Policy = {
    ...identity,
    backends: backends.flatMap(({ spec: backend }) => backend ?? []),
    sources: sources.flatMap((source) => source ?? []),
    ...beside,
  };
  return { policy, problems };
}

function readIdentity(
  metadata: UnknownRecord | undefined,
): Pick<Policy, "name" | "namespace" | "uid" | "createdAt" | "generation"> {
  const uid = asString(field(metadata, "uid"));
  const createdAt = readTime(field(metadata, "creationTimestamp"));
  const generation = field(metadata, "generation");
  return {
    name: asString(field(metadata, "name")) ?? "",
    namespace: asString(field(metadata, "namespace")) ?? "default",
    ...(uid !== undefined && { uid }),
    ...(createdAt !== undefined && { createdAt }),
    ...(typeof generation === "number" && { generation }),
  };
}

function readTime(value: unknown): number | undefined {
  // A YAML reader may already have made a date of it.
  const time = value instanceof Date ? value.getTime() : Date.parse(asString(value) ?? "");
  return Number.isNaN(time) ? undefined : time;
}

interface ReadBackend {
  readonly name: string | undefined;
  readonly port: number | undefined;
  readonly spec: BackendSpec | undefined;
}

function readBackend(reader: Reader, value: unknown, path: string): ReadBackend {
  const backend = reader.object(value ?? "", path);
  const name = reader.string(reader.required(backend, "name", path), `${path}.name`);
  const port = reader.object(reader.required(backend, "port", path), `${path}.port`);
  const number = readPortNumber(reader, reader.required(port, "number", `${path}.port`), `${path}.port.number`);
  const protocol = reader.string(reader.required(port, "protocol", `${path}.port`), `${path}.port.protocol`);
  const tls = readTls(reader, field(backend, "tls"), `${path}.tls`);
  reader.unknown(backend, path, ["name", "port", "tls"]);
  reader.unknown(port, `${path}.port`, ["number", "protocol"]);
  if (name === undefined || number === undefined || protocol === undefined)
    return { name, port: number, spec: undefined };
  return { name, port: number, spec: { name, port: { number, protocol }, ...(tls !== undefined && { tls }) } };
}

function readPortNumber(reader: Reader, value: unknown, path: string): number | undefined {
  if (isPort(value)) return value;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value))
    reader.error(path, `Invalid value: "${typeName(value)}": must be of type integer: "${typeName(value)}"`);
  else
    reader.error(
      path,
      `Invalid value: ${value}: ${value < 1 ? "should be greater than or equal to 1" : "should be less than or equal to 65535"}`,
    );
  return undefined;
}

function readTls(reader: Reader, value: unknown, path: string): BackendSpec["tls"] {
  const tls = reader.object(value, path);
  if (tls === undefined) return undefined;
  const skip = reader.required(tls, "skipClientCertValidation", path);
  if (skip !== undefined && typeof skip !== "boolean") {
    reader.error(
      `${path}.skipClientCertValidation`,
      `Invalid value: "${typeName(skip)}": must be of type boolean: "${typeName(skip)}"`,
    );
  }
  const sniHosts = reader
    .list(field(tls, "sniHosts"), `${path}.sniHosts`)
    .map((host, index) => reader.string(host ?? 0, `${path}.sniHosts[${index}]`) ?? "");
  reader.unknown(tls, path, ["skipClientCertValidation", "sniHosts"]);
  return { skipClientCertValidation: skip === true, ...(sniHosts.length > 0 && { sniHosts }) };
}

function readSource(reader: Reader, value: unknown, path: string): SourceSpec | undefined {
  const source = reader.object(value ?? "", path);
  const kind = reader.string(reader.required(source, "kind", path), `${path}.kind`);
  const name = reader.string(reader.required(source, "name", path), `${path}.name`);
  const namespace = reader.string(field(source, "namespace"), `${path}.namespace`);
  reader.unknown(source, path, ["kind", "name", "namespace"]);
  return kind === undefined || name === undefined
    ? undefined
    : { kind, name, ...(namespace !== undefined && { namespace }) };
}

function readMatch(reader: Reader, value: unknown, path: string): void {
  const match = reader.object(value ?? "", path);
  for (const name of ["apiGroup", "kind", "name"]) reader.string(reader.required(match, name, path), `${path}.${name}`);
}
