/** What becomes of the applications: pods that cannot have the sidecar, and ports that nobody reaches any more. Pure. */
import { fieldsAt, itemsAt } from "../inject/fields.ts";
import type { Fields } from "../inject/injection.ts";
import { targetPorts } from "../inject/services.ts";
import { splitBackendName } from "../policy/own-service.ts";
import { nameOf, namespaceOf, subjectOf, type Installation } from "./installation.ts";
import type { Statement } from "./statement.ts";
import { injectionOf, type Workload } from "./workloads.ts";

const OUTBOUND = [
  "openservicemesh.io/outbound-port-exclusion-list",
  "openservicemesh.io/outbound-ip-range-exclusion-list",
  "openservicemesh.io/outbound-ip-range-inclusion-list",
];

export function workloadStatements(workloads: readonly Workload[], installation: Installation): readonly Statement[] {
  const named = namedPorts(installation);
  return workloads.filter(({ injected }) => injected).flatMap((workload) => statementsOf(workload, named));
}

function statementsOf(workload: Workload, named: ReadonlySet<string>): readonly Statement[] {
  const { object, pod, services, injection } = workload;
  const subject = subjectOf(object);
  if (injection.kind === "refused") {
    const { field, problem, mend } = injection;
    return [{ outcome: "CLOSED", subject, text: `its pods would be refused: ${field}: ${problem}; ${mend}` }];
  }
  if (injection.kind !== "injected") return [];
  const annotations = fieldsAt(pod.metadata, "annotations");
  const unnamed = injection.ports
    .map(({ port }) => port)
    .filter((port) => !services.some((service) => named.has(`${namespaceOf(object)}/${nameOf(service)}:${port}`)));
  return [
    ...unnamed.map((port): Statement => ({
      outcome: "CLOSED",
      subject,
      text: `port ${port}: no IngressBackend names it, so nobody reaches it, other applications and scrapers included; write one for its callers, or leave the port unguarded with openservicemesh.io/inbound-port-exclusion-list: "${port}"`,
    })),
    ...OUTBOUND.filter((name) => Object.hasOwn(annotations, name)).map((name): Statement => ({
      outcome: "maps",
      subject,
      text: `${name} is of no effect: Postern does not touch what pods send`,
    })),
    ...injection.notes.map((text): Statement => ({ outcome: "differs", subject, text })),
  ];
}

/** `namespace/service:port` of every backend of an IngressBackend. */
function namedPorts(installation: Installation): ReadonlySet<string> {
  return new Set(
    installation.of("IngressBackend").flatMap((object) =>
      itemsAt(fieldsAt(object, "spec"), "backends").map((backend) => {
        const { service } = splitBackendName(String(backend["name"]));
        return `${namespaceOf(object)}/${service}:${String(fieldsAt(backend, "port")["number"])}`;
      }),
    ),
  );
}

/** Backends that no exported workload stands behind: a misspelt Service, or a port that is none of its target ports. */
export function backendStatements(installation: Installation): readonly Statement[] {
  const services = new Map(
    installation.of("Service").map((service) => [`${namespaceOf(service)}/${nameOf(service)}`, service]),
  );
  return installation.of("IngressBackend").flatMap((object) =>
    itemsAt(fieldsAt(object, "spec"), "backends").flatMap((backend) => {
      const { service } = splitBackendName(String(backend["name"]));
      const port = fieldsAt(backend, "port")["number"];
      const text = backendProblem(services.get(`${namespaceOf(object)}/${service}`), service, port);
      return text === undefined ? [] : { outcome: "differs" as const, subject: subjectOf(object), text };
    }),
  );
}

function backendProblem(service: Fields | undefined, name: string, port: unknown): string | undefined {
  if (service === undefined) return `Service ${name} is not in the export`;
  const targets = targetPorts(service);
  return targets.every((target) => typeof target === "number") && !targets.some((target) => target === port)
    ? `Service ${name} has no target port ${String(port)} (it has ${targets.join(", ")}): the port is the one that the pod listens on`
    : undefined;
}

export function namespaceStatements({ namespaces, namespace: own }: Installation): readonly Statement[] {
  return [...namespaces].flatMap(([name, object]) =>
    name === own || injectionOf(object) !== undefined
      ? []
      : {
          outcome: "maps" as const,
          subject: `Namespace ${name}`,
          text: "it asks for no sidecars, and Postern's mesh gives them unless told: it is annotated openservicemesh.io/sidecar-injection=disabled, and pods that ask get theirs",
        },
  );
}

const WITHOUT_EFFECT: Readonly<Record<string, readonly [Statement["outcome"], string]>> = {
  TrafficTarget: [
    "CLOSED",
    "what it lets in between applications is refused until an IngressBackend lists the callers' Services; it is not encrypted any more",
  ],
  TrafficSplit: ["differs", "of no effect: leave splitting to the gateway"],
  Egress: ["differs", "of no effect: Postern does not touch what pods send"],
  Retry: ["differs", "of no effect: Postern repeats no request"],
  UpstreamTrafficSetting: ["WEAKER", "of no effect: its limits of connections and rates are not set"],
};

export function otherStatements(installation: Installation): readonly Statement[] {
  return Object.entries(WITHOUT_EFFECT).flatMap(([kind, [outcome, text]]) =>
    installation.of(kind).map((object) => ({ outcome, subject: subjectOf(object), text })),
  );
}
