/** Which ports the kubelet probes in a pod: its probes come from the node, which no policy lists. Pure. */

export interface PodProbes {
  /** `containers[].livenessProbe` and the like, with the number of the port that is probed. */
  readonly probes: readonly { readonly port: number; readonly container: string; readonly kind: string }[];
  readonly hostNetwork: boolean;
}

const KINDS = ["startupProbe", "readinessProbe", "livenessProbe"] as const;

/** Of a Pod, or of whatever has a Pod template; `undefined` for an object without a pod. */
export function podProbes(object: unknown): PodProbes | undefined {
  const spec = podSpec(object);
  if (spec === undefined) return undefined;
  const containers = [...list(spec["initContainers"]), ...list(spec["containers"])].filter(isRecord);
  const probes = containers.flatMap((container) =>
    KINDS.flatMap((kind) => {
      const port = probedPort(container[kind], container);
      return port === undefined ? [] : [{ port, container: nameOf(container), kind }];
    }),
  );
  return { probes, hostNetwork: spec["hostNetwork"] === true };
}

type Fields = Readonly<Record<string, unknown>>;

function podSpec(object: unknown): Fields | undefined {
  if (!isRecord(object) || !isRecord(object["spec"])) return undefined;
  const { kind, spec } = object;
  if (kind === "Pod") return spec;
  if (kind === "CronJob") return isRecord(spec["jobTemplate"]) ? templateSpec(spec["jobTemplate"]["spec"]) : undefined;
  return templateSpec(spec);
}

function templateSpec(spec: unknown): Fields | undefined {
  const template = isRecord(spec) ? spec["template"] : undefined;
  return isRecord(template) && isRecord(template["spec"]) ? template["spec"] : undefined;
}

function probedPort(probe: unknown, container: Fields): number | undefined {
  if (!isRecord(probe)) return undefined;
  for (const how of ["httpGet", "tcpSocket", "grpc"]) {
    const action = probe[how];
    if (!isRecord(action)) continue;
    const { port } = action;
    if (typeof port === "number") return port;
    const named = list(container["ports"]).find((entry) => isRecord(entry) && entry["name"] === port);
    const number = isRecord(named) ? named["containerPort"] : undefined;
    if (typeof number === "number") return number;
  }
  return undefined;
}

function nameOf({ name }: Fields): string {
  return typeof name === "string" ? name : "without a name";
}

function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}
