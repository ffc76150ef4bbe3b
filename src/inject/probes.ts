/**
 * Probes of the kubelet that a guarded port would refuse, moved to the sidecar's health port. The kubelet asks from the
 * node, which no policy lists. Pure.
 */
import { fieldsAt, isFields, itemsAt, textAt } from "./fields.ts";
import type { Fields } from "./injection.ts";
import { HEALTH_PORT } from "./ports.ts";

const PROBES = ["startupProbe", "readinessProbe", "livenessProbe"] as const;
const ACTIONS = ["httpGet", "tcpSocket", "grpc"] as const;

/** What `--probes` takes; the kubelet keeps to the pod's own. */
const LONGEST_TIMEOUT_SECONDS = 600;

/** What the sidecar asks of the application, by the path at its health port: the value of `--probes`. */
export type ProbeTable = Readonly<Record<string, Fields>>;

export interface MovedProbes {
  readonly container: Fields;
  readonly probes: ProbeTable;
}

/**
 * Exec probes stay, and so do probes of ports that are not guarded and of other hosts (`host`).
 *
 * @param guarded numbers of the guarded ports
 */
export function moveProbes(container: Fields, guarded: ReadonlySet<number>): MovedProbes {
  const moved: Record<string, unknown> = { ...container };
  const probes: Record<string, Fields> = {};
  for (const kind of PROBES) {
    const probe = container[kind];
    if (!isFields(probe)) continue;
    const action = ACTIONS.find((name) => isFields(probe[name]));
    if (action === undefined) continue;
    const asked = fieldsAt(probe, action);
    const port = portNumber(asked["port"], container);
    if (port === undefined || !guarded.has(port) || isOtherHost(asked)) continue;
    const path = `/probes/${textAt(container, "name") ?? ""}/${kind}`;
    const { timeoutSeconds } = probe;
    probes[path] = {
      [action]: { ...withoutEmpty(asked), port },
      ...(typeof timeoutSeconds === "number" && { timeoutSeconds: Math.min(timeoutSeconds, LONGEST_TIMEOUT_SECONDS) }),
    };
    // The action keeps its place among the keys.
    const entries = Object.entries(probe).map(([key, value]) =>
      key === action ? (["httpGet", { path, port: HEALTH_PORT }] as const) : ([key, value] as const),
    );
    moved[kind] = Object.fromEntries(entries);
  }
  return { container: moved, probes };
}

/** Path and port of a hook that the kubelet would bring to a guarded port, where it is refused. */
export function guardedHook(
  container: Fields,
  guarded: ReadonlySet<number>,
): { readonly hook: string; readonly port: number } | undefined {
  const lifecycle = fieldsAt(container, "lifecycle");
  for (const hook of ["postStart", "preStop"]) {
    for (const action of ["httpGet", "tcpSocket"]) {
      const asked = fieldsAt(lifecycle, hook)[action];
      const port = isFields(asked) ? portNumber(asked["port"], container) : undefined;
      if (isFields(asked) && port !== undefined && guarded.has(port) && !isOtherHost(asked))
        return { hook: `${hook}.${action}`, port };
    }
  }
  return undefined;
}

/** Null is absent, and an empty host is the pod. */
function withoutEmpty(asked: Fields): Fields {
  return Object.fromEntries(Object.entries(asked).filter(([key, value]) => value !== null && key !== "host"));
}

function portNumber(port: unknown, container: Fields): number | undefined {
  if (typeof port === "number") return port;
  // The API takes the digits of a number as text too.
  if (typeof port === "string" && /^\d{1,5}$/.test(port)) return Number(port);
  const named = itemsAt(container, "ports").find(({ name }) => name === port && port !== undefined);
  const number = named?.["containerPort"];
  return typeof number === "number" ? number : undefined;
}

function isOtherHost({ host }: Fields): boolean {
  return host !== undefined && host !== null && host !== "";
}
