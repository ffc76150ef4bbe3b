/** What each IngressBackend means behind Postern, beside what it means in OSM. Pure. */
import type { Fields } from "../inject/injection.ts";
import { objectKey, type BackendSpec, type Policy, type SourceSpec } from "../policy/model.ts";
import { parseIngressBackend } from "../policy/objects/parse.ts";
import { demandsCertificate, readProtocol, sourceProblem, validatePolicy } from "../policy/objects/validate.ts";
import { subjectOf, type Installation } from "./installation.ts";
import type { Statement } from "./statement.ts";

export function policyStatements(installation: Installation): readonly Statement[] {
  const parsed = installation.of("IngressBackend").map((object) => ({ object, ...parseIngressBackend(object) }));
  const policies = parsed.flatMap(({ policy }) => policy ?? []);
  return parsed.flatMap(({ object, policy, problems }) =>
    policy === undefined
      ? problems.map(({ path, message }) => ({
          outcome: "CLOSED" as const,
          subject: subjectOf(object),
          text: `${path}: ${message}; its backends stay closed`,
        }))
      : statementsOf(object, policy, policies, installation),
  );
}

function statementsOf(
  object: Fields,
  policy: Policy,
  all: readonly Policy[],
  { namespaces }: Installation,
): readonly Statement[] {
  const subject = subjectOf(object);
  const statements: Statement[] = [];
  const say = (outcome: Statement["outcome"], text: string): void => void statements.push({ outcome, subject, text });
  const admission = validatePolicy(policy, all);
  for (const { severity, path, message } of admission)
    say("differs", `${severity === "error" ? "refused when it is written anew: " : ""}${path}: ${message}`);
  const from = policy.sources.filter((source) => sourceProblem(source) === undefined).map(wordsOf);
  for (const backend of policy.backends) {
    const name = `${backend.name}:${backend.port.number}`;
    const open = isOpen(backend, policy.sources);
    if (open) say("maps", `${name} ${backend.port.protocol} for ${from.join(", ")}`);
    else if (readProtocol(backend.port.protocol) !== undefined)
      say("CLOSED", `${name}: OSM opens it to everybody, since no source can be used; Postern closes it`);
  }
  const outside = policy.sources.flatMap(({ kind, namespace }) =>
    kind === "Service" && namespace !== undefined && !namespaces.has(namespace) ? namespace : [],
  );
  for (const namespace of new Set(outside))
    say("maps", `namespace ${namespace} of its source gets the mesh's label; the step 'gateways' does it`);
  return statements;
}

/** Whether any source can let somebody in, by the rules of `compile`. */
function isOpen(backend: BackendSpec, sources: readonly SourceSpec[]): boolean {
  const usable = sources.filter((source) => sourceProblem(source) === undefined);
  if (sources.some((source) => sourceProblem(source)?.closes === true)) return false;
  const addresses = usable.some(({ kind }) => kind !== "AuthenticatedPrincipal");
  const ranges = sources.some(({ kind }) => kind !== "AuthenticatedPrincipal");
  return demandsCertificate(backend) ? usable.length > 0 && (addresses || !ranges) : addresses;
}

function wordsOf({ kind, name, namespace }: SourceSpec): string {
  return kind === "Service" ? `Service ${objectKey(namespace ?? "", name)}` : `${kind} ${name}`;
}
