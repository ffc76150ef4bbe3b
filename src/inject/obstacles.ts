/** Why a pod cannot have a sidecar, and what to change. Pure. */
import type { UnusableField } from "./annotations.ts";
import { OWN_PORTS, REDIRECT, SIDECAR } from "./containers.ts";
import { fieldsAt, isFields, itemsAt, textAt } from "./fields.ts";
import type { Fields, GuardedPort, InjectOptions, Traffic } from "./injection.ts";
import type { DeclaredPort } from "./ports.ts";
import { guardedHook } from "./probes.ts";

interface Plan {
  readonly spec: Fields;
  readonly declared: readonly DeclaredPort[];
  readonly ports: readonly GuardedPort[];
  readonly traffic: Traffic;
  readonly sidecar: InjectOptions["sidecar"];
}

/** @returns `undefined` where nothing keeps the sidecar out of the pod */
export function firstObstacle(plan: Plan): UnusableField | undefined {
  return podObstacle(plan) ?? containerObstacle(plan.spec) ?? portObstacle(plan) ?? hookObstacle(plan);
}

function podObstacle({ spec, sidecar }: Plan): UnusableField | undefined {
  if (spec["hostNetwork"] === true)
    return {
      field: "spec.hostNetwork",
      problem:
        "the pod shares its node's network: redirect rules would take the node's traffic, and the sidecar's ports would open at the node's address",
      mend: "remove hostNetwork, or switch injection off with openservicemesh.io/sidecar-injection: disabled",
    };
  if (fieldsAt(spec, "os")["name"] === "windows" || fieldsAt(spec, "nodeSelector")["kubernetes.io/os"] === "windows")
    return {
      field: "spec.os.name",
      problem: "the pod runs on Windows nodes, and the sidecar's image is for Linux",
      mend: "switch injection off with openservicemesh.io/sidecar-injection: disabled",
    };
  if (sidecar === "classic" && runsToItsEnd(spec))
    return {
      field: "spec.restartPolicy",
      problem: "the pod runs to its end, and a classic sidecar, which does not end by itself, would keep it from there",
      mend: "use a native sidecar, or switch injection off with openservicemesh.io/sidecar-injection: disabled",
    };
  return undefined;
}

/** A Job's pod. */
export function runsToItsEnd({ restartPolicy }: Fields): boolean {
  return restartPolicy === "Never" || restartPolicy === "OnFailure";
}

function containerObstacle(spec: Fields): UnusableField | undefined {
  for (const list of ["containers", "initContainers", "volumes"]) {
    const items = spec[list];
    if (items === undefined || (items === null && list !== "containers")) continue;
    const sound = Array.isArray(items) && items.every((item) => isFields(item) && typeof item["name"] === "string");
    if (!sound)
      return {
        field: `spec.${list}`,
        problem: "it is not a list of items with names",
        mend: "write the pod as the Kubernetes API has it",
      };
  }
  if (itemsAt(spec, "containers").length === 0)
    return { field: "spec.containers", problem: "there is no container", mend: "name the application's container" };
  for (const list of ["containers", "initContainers"]) {
    for (const [index, container] of itemsAt(spec, list).entries()) {
      const name = textAt(container, "name") ?? "";
      if (name === SIDECAR || name === REDIRECT)
        return {
          field: `spec.${list}[${index}].name`,
          problem: `'${name}' is the name of a container that injection adds`,
          mend: "give the container another name, or take it out where it is a sidecar written by hand",
        };
    }
  }
  const volume = itemsAt(spec, "volumes").findIndex(({ name }) => String(name).startsWith(`${SIDECAR}-`));
  return volume === -1
    ? undefined
    : {
        field: `spec.volumes[${volume}].name`,
        problem: `names that begin with '${SIDECAR}-' are those of volumes that injection adds`,
        mend: "give the volume another name",
      };
}

function portObstacle({ declared, ports, traffic }: Plan): UnusableField | undefined {
  const own = declared.find(({ number }) => OWN_PORTS.includes(number));
  if (own !== undefined)
    return {
      field: own.field,
      problem: `port ${own.number} is taken by the sidecar (${OWN_PORTS.join(" for its admin pages, ")} for health)`,
      mend: "let the application listen on another port",
    };
  if (ports.length === 0)
    return {
      field: "spec.containers[].ports",
      problem: "no port to guard: no container declares a TCP port that is not excluded",
      mend: 'declare containerPort, or name ports with the annotation postern.dev/ports: "80"',
    };
  const open = declared.find(
    ({ number, hostPort }) => hostPort !== undefined && ports.some(({ port }) => port === number),
  );
  // With redirect rules the node's mapping arrives at the guarded port like everything else.
  if (open !== undefined && traffic === "target-port")
    return {
      field: `${open.field}.hostPort`,
      problem: "the node would forward this port to the application, past the sidecar",
      mend: "remove hostPort, or annotate the pod with postern.dev/traffic: redirect",
    };
  return traffic === "target-port" ? nameObstacle(declared, ports) : undefined;
}

/**
 * The name of a guarded port becomes the sidecar's, which can have it for one port alone. Kubernetes takes a name for the
 * first port of the pod that has it, so a port before the guarded one keeps it.
 */
function nameObstacle(declared: readonly DeclaredPort[], ports: readonly GuardedPort[]): UnusableField | undefined {
  for (const [index, { name, number }] of declared.entries()) {
    if (name === undefined || !ports.some(({ port }) => port === number)) continue;
    const other = declared.slice(index + 1).find((later) => later.name === name && later.number !== number);
    if (other !== undefined)
      return {
        field: `${other.field}.name`,
        problem: `port ${number} is called '${name}' too, and the sidecar can take a name for one port alone`,
        mend: "give the port another name, or annotate the pod with postern.dev/traffic: redirect",
      };
  }
  return undefined;
}

/** Containers of both lists: native sidecars have hooks too. */
function hookObstacle({ spec, ports }: Plan): UnusableField | undefined {
  const guarded = new Set(ports.map(({ port }) => port));
  for (const list of ["containers", "initContainers"]) {
    for (const [index, container] of itemsAt(spec, list).entries()) {
      const found = guardedHook(container, guarded);
      if (found !== undefined)
        return {
          field: `spec.${list}[${index}].lifecycle.${found.hook}`,
          problem: `the kubelet would call port ${found.port} from the node, and the sidecar refuses it there`,
          mend: `use exec or sleep, or leave the port unguarded with openservicemesh.io/inbound-port-exclusion-list: "${found.port}"`,
        };
    }
  }
  return undefined;
}
