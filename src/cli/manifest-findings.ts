/** What is wrong with the objects of a set of manifests: the schema, admission, and what was meant as a policy and is none. */
import type { ManifestObject } from "../discovery/manifests/documents.ts";
import { listOf, sortObjects } from "../discovery/manifests/kinds.ts";
import { misspelt } from "../discovery/manifests/misspelt.ts";
import {
  groupOf,
  isContradiction,
  precedenceByName,
  wordsOfShadowed,
  type Candidate,
  type Precedence,
} from "../discovery/same-name.ts";
import { buildWorld } from "../discovery/world.ts";
import { demandsOf } from "../policy/compile/demands.ts";
import { isMeshConfig, meshConfigProblems } from "../policy/objects/mesh-config.ts";
import { objectKey, type ObjectKey, type Policy, type Problem, type Severity, type World } from "../policy/model.ts";
import { splitBackendName } from "../policy/own-service.ts";
import { parseIngressBackend } from "../policy/objects/parse.ts";
import { validatePolicy, type Judged } from "../policy/objects/validate.ts";

/** One finding and where it stands. */
export interface Finding {
  readonly severity: Severity;
  readonly file: string;
  readonly document: number;
  readonly line: number;
  /** `IngressBackend ns/name`; absent for a file that cannot be read. */
  readonly object?: string;
  readonly path: string;
  readonly message: string;
}

export function findingsOf(objects: readonly ManifestObject[]): readonly Finding[] {
  return [
    ...judge(policiesIn(objects), objects),
    ...objects.filter(isMeshConfig).flatMap(meshConfigFindings),
    ...objects.flatMap(misspelt).map((found): Finding => ({ severity: "error", ...found })),
  ];
}

export function policiesIn(objects: readonly ManifestObject[]): readonly ManifestObject[] {
  return objects.filter((object) => listOf(object) === "ingressBackends");
}

function judge(policies: readonly ManifestObject[], all: readonly ManifestObject[]): readonly Finding[] {
  const world = buildWorld(sortObjects(all));
  const parsed = policies.map((object) => ({ object, ...parseIngressBackend(object.value) }));
  const precedence = precedenceByName(
    parsed.flatMap(({ object, policy, invalid }) => {
      const read = policy ?? invalid;
      return read === undefined ? [] : [{ group: groupOf(object.value), object: read }];
    }),
  );
  const known = parsed.flatMap(({ policy, readable }): Judged | readonly Judged[] => policy ?? readable ?? []);
  const now = Date.now();
  return parsed.flatMap(({ object, policy, invalid, readable, problems }) => {
    const { namespace, name } = policy ?? invalid ?? { namespace: "", name: "" };
    const judged = policy ?? readable;
    const admission =
      judged === undefined ? [] : [...validatePolicy(judged, known, now), ...missingReferences(judged, world)];
    // What breaks the schema at a place says all that there is to say of it.
    const beside = admission.filter(({ path }) => !problems.some((problem) => problem.path === path));
    const found = [...problems, ...beside];
    const read = policy ?? invalid;
    const more = read === undefined ? [] : repeats(read, precedence);
    return [...(policy === undefined ? found : withClosed(policy, found)), ...more].map(
      ({ severity, path, message }): Finding => {
        const { file, document } = object;
        return {
          severity,
          file,
          document,
          line: object.lineOf(path),
          object: `IngressBackend ${objectKey(namespace, name)}`,
          path,
          message,
        };
      },
    );
  });
}

/** Admission lets pass what OSM's did; that a sidecar would keep a backend of it closed is an error all the same. */
function withClosed(policy: Policy, found: readonly Problem[]): readonly Problem[] {
  const closed = policy.backends.flatMap((backend, index) => {
    const demands = demandsOf(policy, backend);
    return "reason" in demands ? [{ detail: demands.detail, path: `spec.backends[${index}]` }] : [];
  });
  const isOf = (message: string): boolean => closed.some(({ detail }) => message.startsWith(detail));
  const said = (detail: string): boolean => found.some(({ message }) => message.startsWith(detail));
  return [
    ...found.map((problem): Problem => (isOf(problem.message) ? { ...problem, severity: "error" } : problem)),
    ...closed
      .filter(({ detail }) => !said(detail))
      .map(({ detail, path }): Problem => ({
        severity: "error",
        path,
        message: `${detail}; the backend stays closed`,
      })),
  ];
}

function meshConfigFindings(object: ManifestObject): readonly Finding[] {
  const { file, document } = object;
  return meshConfigProblems(object.value).map((problem) => ({
    ...problem,
    file,
    document,
    line: object.lineOf(problem.path),
    object: "MeshConfig",
  }));
}

/** What an object names that was not given along: perhaps it is elsewhere, so these are warnings. */
function missingReferences(policy: Judged, world: World): readonly Problem[] {
  const warning = (path: string, message: string): Problem => ({ severity: "warning", path, message });
  const sources = policy.sources.flatMap((source, index) => {
    if (source?.kind !== "Service" || source.name === "" || (source.namespace ?? "") === "") return [];
    const key = objectKey(source.namespace ?? "", source.name);
    if (world.services.has(key) || world.endpoints.has(key)) return [];
    return [warning(`spec.sources[${index}]`, `source Service ${key} is not among the given objects`)];
  });
  const backends = policy.backends.flatMap((backend, index) => {
    if (backend === undefined) return [];
    const { name, port } = backend;
    if (name === "")
      return [{ severity: "error" as const, path: `spec.backends[${index}].name`, message: "names no Service" }];
    const key = objectKey(policy.namespace, splitBackendName(name).service);
    const service = world.services.get(key);
    if (service === undefined)
      return [warning(`spec.backends[${index}].name`, `backend Service ${key} is not among the given objects`)];
    if (service.hasNamedTargetPorts || service.targetPorts.includes(port.number)) return [];
    return [
      warning(
        `spec.backends[${index}].port.number`,
        `Service ${key} declares no target port ${port.number}: 'port.number' is the target port, not the Service's port`,
      ),
    ];
  });
  return [...sources, ...backends];
}

function repeats(
  read: Candidate["object"],
  precedence: ReadonlyMap<ObjectKey, Precedence<Candidate>>,
): readonly Problem[] {
  const { governing, shadowed = [] } = precedence.get(objectKey(read.namespace, read.name)) ?? {};
  if (governing === undefined) return [];
  if ("problems" in governing.object && isContradiction(governing.object)) return governing.object.problems;
  const loser = shadowed.find(({ object }) => object === read);
  if (loser === undefined) return [];
  return [{ severity: "error", path: "metadata.name", message: wordsOfShadowed(loser, governing) }];
}
