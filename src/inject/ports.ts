/** Which ports of a pod are guarded, and where the sidecar listens for each. Pure. */
import type { PodChoices, UnusableField } from "./annotations.ts";
import { PORTS } from "./annotations.ts";
import { itemsAt, textAt } from "./fields.ts";
import type { Fields, GuardedPort, InjectOptions } from "./injection.ts";

export const ADMIN_PORT = 15_000;
/** OSM's health probes come in the range 15901 to 15904; this is Istio's and the shipped example's. */
export const HEALTH_PORT = 15_021;

export interface DeclaredPort {
  readonly container: string;
  /** Path of the entry from the pod on. */
  readonly field: string;
  readonly number: number;
  readonly name?: string;
  readonly hostPort?: unknown;
}

/** TCP ports that containers declare; native sidecars of others count, other init containers serve nobody. */
export function declaredPorts(spec: Fields): readonly DeclaredPort[] {
  const of = (list: string, keep: (container: Fields) => boolean): readonly DeclaredPort[] =>
    itemsAt(spec, list).flatMap((container, index) =>
      (keep(container) ? itemsAt(container, "ports") : []).flatMap((entry, at) => {
        const { containerPort, protocol, hostPort } = entry;
        if (typeof containerPort !== "number" || (protocol ?? "TCP") !== "TCP") return [];
        const name = textAt(entry, "name");
        return {
          container: textAt(container, "name") ?? "",
          field: `spec.${list}[${index}].ports[${at}]`,
          number: containerPort,
          ...(name !== undefined && { name }),
          ...(hostPort !== undefined && hostPort !== null && hostPort !== 0 && { hostPort }),
        };
      }),
    );
  return [...of("containers", () => true), ...of("initContainers", ({ restartPolicy }) => restartPolicy === "Always")];
}

/**
 * Every declared port and every target port of a Service, or exactly those of the annotation; less the excluded ones.
 * A name of a Service that the pod does not declare belongs to another pod and is passed over.
 */
export function guardedPorts(
  declared: readonly DeclaredPort[],
  choices: PodChoices,
  { targetPorts }: InjectOptions,
): readonly GuardedPort[] | UnusableField {
  const numberOf = (port: number | string): number | undefined =>
    typeof port === "number" ? port : declared.find(({ name }) => name === port)?.number;
  const unknown = choices.ports?.find((port) => numberOf(port) === undefined);
  if (unknown !== undefined)
    return {
      field: `metadata.annotations["${PORTS}"]`,
      problem: `no container declares a TCP port that is called '${unknown}'`,
      mend: "name a declared port, or give its number",
    };
  const wanted = choices.ports ?? [...declared.map(({ number }) => number), ...targetPorts];
  const numbers = [...new Set(wanted.flatMap((port) => numberOf(port) ?? []))].filter(
    (port) => !choices.excludedPorts.includes(port),
  );
  const taken = new Set([...numbers, ...declared.map(({ number }) => number), ADMIN_PORT, HEALTH_PORT]);
  const guarded: GuardedPort[] = [];
  for (const port of numbers) {
    // Ports that have no free neighbour from there on, those above 50535 among them, get one from the other end.
    const listen = firstFree(port + 15_000, taken) ?? firstFree(15_100, taken);
    if (listen === undefined)
      return {
        field: choices.ports === undefined ? "spec.containers[].ports" : `metadata.annotations["${PORTS}"]`,
        problem: `no port is free where the sidecar could listen for port ${port}: ${numbers.length} ports are to be guarded`,
        mend: 'name fewer ports with the annotation postern.dev/ports: "80"',
      };
    taken.add(listen);
    guarded.push({ port, listen });
  }
  return guarded;
}

function firstFree(from: number, taken: ReadonlySet<number>): number | undefined {
  for (let port = from; port <= 65_535; port += 1) if (!taken.has(port)) return port;
  return undefined;
}
