/** What each IngressBackend means behind Postern, beside what it means in OSM. Pure. */
import type { Fields } from "../inject/injection.ts";
import { compile } from "../policy/compile/compile.ts";
import { backendPort, objectKey, type BackendSpec, type Policy, type SourceSpec, type World } from "../policy/model.ts";
import { splitBackendName } from "../policy/own-service.ts";
import { parseIngressBackend } from "../policy/objects/parse.ts";
import { sourceProblem, validatePolicy } from "../policy/objects/validate.ts";
import { subjectOf, type Installation } from "./installation.ts";
import type { Statement } from "./statement.ts";

export function policyStatements(installation: Installation): readonly Statement[] {
  const parsed = installation.of("IngressBackend").map((object) => ({ object, ...parseIngressBackend(object) }));
  const policies = parsed.flatMap(({ policy }) => policy ?? []);
  // An export has no endpoints: what a rule would let in is not asked here, only whether it is open.
  const world: World = {
    policies,
    invalidPolicies: parsed.flatMap(({ invalid }) => invalid ?? []),
    services: new Map(),
    endpoints: new Map(),
    namespaces: new Map(),
  };
  return parsed.flatMap(({ object, policy, problems }) =>
    policy === undefined
      ? problems.map(({ path, message }) => ({
          outcome: "CLOSED" as const,
          subject: subjectOf(object),
          text: `${path}: ${message}; its backends stay closed`,
        }))
      : statementsOf(object, policy, world, installation),
  );
}

function statementsOf(
  object: Fields,
  policy: Policy,
  world: World,
  { namespaces }: Installation,
): readonly Statement[] {
  const subject = subjectOf(object);
  const statements: Statement[] = [];
  const say = (outcome: Statement["outcome"], text: string): void => void statements.push({ outcome, subject, text });
  const admission = validatePolicy(policy, world.policies);
  for (const { severity, path, message } of admission)
    say("differs", `${severity === "error" ? "refused when it is written anew: " : ""}${path}: ${message}`);
  const from = policy.sources.filter((source) => sourceProblem(source) === undefined).map(wordsOf);
  for (const backend of policy.backends) {
    const name = `${backend.name}:${backend.port.number}`;
    const closed = closure(policy, backend, world);
    if (closed === undefined) say("maps", `${name} ${backend.port.protocol} for ${from.join(", ")}`);
    else say("CLOSED", `${name}: ${closed}`);
  }
  const outside = policy.sources.flatMap(({ kind, namespace }) =>
    kind === "Service" && namespace !== undefined && !namespaces.has(namespace) ? namespace : [],
  );
  for (const namespace of new Set(outside))
    say("maps", `namespace ${namespace} of its source gets the mesh's label; the step 'gateways' does it`);
  return statements;
}

/** What Postern makes of one backend of an object, beside all others of its namespace; `undefined` where it is open. */
function closure(policy: Policy, { name, port }: BackendSpec, world: World): string | undefined {
  const { service, pod } = splitBackendName(name);
  const self = { namespace: policy.namespace, services: [service], ...(pod !== undefined && { podName: pod }) };
  const rule = compile(world, self, 1).rules.get(backendPort(port.number));
  if (rule === undefined) return "no rule comes of it; Postern closes it";
  if (rule.policy !== objectKey(policy.namespace, policy.name))
    return `IngressBackend ${rule.policy} governs it; Postern refuses whom this object alone lets in`;
  if (rule.state === "open") return undefined;
  return rule.reason === "no-usable-source"
    ? "OSM opens it to everybody, since no source can be used; Postern closes it"
    : `${rule.detail}; Postern closes it`;
}

function wordsOf({ kind, name, namespace }: SourceSpec): string {
  return kind === "Service" ? `Service ${objectKey(namespace ?? "", name)}` : `${kind} ${name}`;
}
