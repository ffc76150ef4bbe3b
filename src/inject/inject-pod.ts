/** The sidecar added to one pod. Pure. */
import { INJECTED, readChoices } from "./annotations.ts";
import {
  CLASSIC_END_SECONDS,
  NATIVE_END_SECONDS,
  redirectContainer,
  sidecarContainer,
  sidecarVolumes,
} from "./containers.ts";
import { appended, itemsAt } from "./fields.ts";
import type { Fields, GuardedPort, InjectOptions, Injection, PodManifest, UnchangedReason } from "./injection.ts";
import { firstObstacle, runsToItsEnd } from "./obstacles.ts";
import { declaredPorts, guardedPorts } from "./ports.ts";
import { moveProbes, type ProbeTable } from "./probes.ts";
import { withPreStop } from "./pre-stop.ts";
import { isRecorded, recorded, unrecorded } from "./record.ts";
import { takeNames } from "./target-port.ts";

/** What a pod that names none has (Kubernetes API reference, PodSpec). */
const DEFAULT_GRACE_SECONDS = 30;

/**
 * Adds the sidecar to a Pod or a pod template; the argument is left as it is. Never throws: what cannot be injected is
 * refused with the field and what to change.
 */
export function injectPod(pod: PodManifest, options: InjectOptions): Injection {
  if (!isRecorded(pod)) return injectClean(pod, options);
  if (options.injected === "keep") return unchanged("already-injected", "the pod has a sidecar of ours");
  const clean = unrecorded(pod);
  return clean === undefined
    ? {
        kind: "refused",
        field: `metadata.annotations["${INJECTED}"]`,
        problem: "the record of the former injection cannot be read",
        mend: "restore the annotation, or take it and the sidecar out by hand",
      }
    : injectClean(clean, options);
}

function injectClean(pod: PodManifest, options: InjectOptions): Injection {
  const choices = readChoices(pod, options);
  if ("problem" in choices) return { kind: "refused", ...choices };
  if (!choices.inject)
    return choices.chosen
      ? unchanged("disabled", "openservicemesh.io/sidecar-injection says no")
      : unchanged("not-selected", "neither the pod nor its namespace asks for a sidecar");
  const declared = declaredPorts(pod.spec);
  const ports = guardedPorts(declared, choices, options);
  if ("problem" in ports) return { kind: "refused", ...ports };
  if (ports.length === 0 && runsToItsEnd(pod.spec))
    return unchanged("no-ports", "a job's pod that declares no port has nothing to guard");
  const obstacle = firstObstacle({
    spec: pod.spec,
    declared,
    ports,
    traffic: choices.traffic,
    sidecar: options.sidecar,
  });
  if (obstacle !== undefined) return { kind: "refused", ...obstacle };

  const { spec, probes, notes } = changeContainers(pod.spec, ports, options);
  const named = choices.traffic === "target-port" ? takeNames(spec, ports) : { spec, names: [], notes: [] };
  const sidecar = sidecarContainer({ ports, namedPorts: named.names, probes, options });
  return {
    kind: "injected",
    pod: recorded(pod, {
      ...pod,
      spec: withSidecar(
        named.spec,
        sidecar,
        choices.traffic === "redirect" ? redirectContainer(ports, options) : undefined,
        options,
      ),
    }),
    traffic: choices.traffic,
    ports,
    notes: [...notes, ...named.notes],
  };
}

function withSidecar(spec: Fields, sidecar: Fields, redirect: Fields | undefined, options: InjectOptions): Fields {
  const native = options.sidecar === "native";
  const first = [...(redirect === undefined ? [] : [redirect]), ...(native ? [sidecar] : [])];
  return {
    ...spec,
    ...(first.length > 0 && { initContainers: appended(spec["initContainers"], ...first) }),
    containers: native ? spec["containers"] : appended(spec["containers"], sidecar),
    volumes: appended(spec["volumes"], ...sidecarVolumes(options)),
    ...(!runsToItsEnd(spec) && { terminationGracePeriodSeconds: graceSeconds(spec, options) }),
  };
}

/** Own time of the application, before it the time that its end is put off, and behind it that of the sidecar. */
function graceSeconds(spec: Fields, { sidecar, preStopSeconds }: InjectOptions): number {
  const given = spec["terminationGracePeriodSeconds"];
  const own = typeof given === "number" ? given : DEFAULT_GRACE_SECONDS;
  return sidecar === "native" ? own + preStopSeconds + NATIVE_END_SECONDS : own + CLASSIC_END_SECONDS;
}

interface ChangedContainers {
  readonly spec: Fields;
  readonly probes: ProbeTable;
  readonly notes: readonly string[];
}

function changeContainers(spec: Fields, ports: readonly GuardedPort[], options: InjectOptions): ChangedContainers {
  const guarded = new Set(ports.map(({ port }) => port));
  const probes: Record<string, Fields> = {};
  const notes: string[] = [];
  const move = (container: Fields): Fields => {
    const moved = moveProbes(container, guarded);
    Object.assign(probes, moved.probes);
    return moved.container;
  };
  const putOff = (container: Fields): Fields => {
    if (options.preStopSeconds === 0 || runsToItsEnd(spec)) return container;
    const later = withPreStop(container, options);
    if ("note" in later) notes.push(later.note);
    else Object.assign(probes, later.probes);
    return "note" in later ? container : later.container;
  };
  return {
    spec: {
      ...spec,
      ...(Array.isArray(spec["initContainers"]) && { initContainers: itemsAt(spec, "initContainers").map(move) }),
      containers: itemsAt(spec, "containers").map((container) => putOff(move(container))),
    },
    probes,
    notes,
  };
}

function unchanged(reason: UnchangedReason, message: string): Injection {
  return { kind: "unchanged", reason, message };
}
