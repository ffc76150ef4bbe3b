/** An OSM installation and its change-over as text for people. Pure. */
import { AUTHORITY_SECRET } from "./exported-kinds.ts";
import type { Installation } from "./installation.ts";
import { meshConfigStatements } from "./mesh-config-statements.ts";
import { policyStatements } from "./policy-statements.ts";
import { OUTCOMES, type Statement } from "./statement.ts";
import type { Step } from "./steps.ts";
import { backendStatements, namespaceStatements, otherStatements, workloadStatements } from "./workload-statements.ts";
import type { Workload } from "./workloads.ts";

/** Worst first; of one outcome in the order mesh, policies, workloads. */
export function statementsOf(installation: Installation, workloads: readonly Workload[]): readonly Statement[] {
  const all = [
    ...meshConfigStatements(installation),
    ...authorityStatements(installation),
    ...namespaceStatements(installation),
    ...policyStatements(installation),
    ...backendStatements(installation),
    ...workloadStatements(workloads, installation),
    ...otherStatements(installation),
  ];
  return OUTCOMES.flatMap((outcome) => all.filter((one) => one.outcome === outcome));
}

function authorityStatements({ holdsKey, namespace }: Installation): readonly Statement[] {
  const subject = `Secret ${namespace}/${AUTHORITY_SECRET}`;
  if (holdsKey === false)
    return [
      {
        outcome: "CLOSED",
        subject,
        text: "it holds no private.key, since another provider signs (Vault, cert-manager): give Postern an intermediate CA of it as a Secret (--set ca-secret=NAME), or gateways and sidecars do not trust each other",
      },
    ];
  const unseen = holdsKey === undefined ? "; it is not in the export, and taken for OSM's own" : "";
  return [{ outcome: "maps", subject, text: `the same CA goes on signing, so that gateways change nothing${unseen}` }];
}

/** Each without its end. */
export function reportLines(
  { mesh, namespace, namespaces, of }: Installation,
  statements: readonly Statement[],
  steps: readonly Step[],
): readonly string[] {
  return [
    `OSM mesh '${mesh}' of namespace ${namespace}: ${namespaces.size} namespaces, ${of("IngressBackend").length} IngressBackends`,
    "",
    ...statements.map(({ outcome, subject, text }) => `${outcome.padEnd(8)} ${subject}: ${text}`),
    "",
    ...steps.flatMap(({ name, about, commands }) => [
      `# ${name}: ${about}`,
      ...(commands.length === 0 ? ["# nothing to do"] : commands),
      "",
    ]),
  ];
}
