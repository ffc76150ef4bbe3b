/** What `postern install` was told: the mesh, and how it is to be. Settings are read by the controller's own reader. */
import { DURATION_UNITS, readDuration, Unusable } from "../config/values.ts";
import { defaultGateway } from "../controller/controller-config.ts";
import type { GatewayCertificate } from "../controller/gateway-certificates/mesh-config.ts";
import type { ControllerObjectsOptions } from "../controller/manifests/controller-objects.ts";
import type { Mesh } from "../controller/names.ts";
import { OWN_KEYS, readOwnSettings, readSettings } from "../install/settings.ts";
import { CONTROLLER, readController } from "./controller.ts";
import type { Flag } from "./flags.ts";

/** Of the controller, said by a flag of `install` or by the Deployment itself. */
const NOT_SET = new Set(["mesh-name", "namespace", "kubeconfig", "webhook", "health", "pod-name"]);
/** In the Deployment's arguments already. */
export const IN_MANIFEST = new Set(["trust-domain"]);

/** Keys of `--set` that are flags of the controller. */
export const CONTROLLER_KEYS = CONTROLLER.flags.filter(({ name }) => !NOT_SET.has(name));
export const SETTABLE = [...CONTROLLER_KEYS.map(({ name }) => name), ...OWN_KEYS];

export const MESH_FLAGS: readonly Flag[] = [
  { name: "mesh-name", value: "NAME", help: "of the mesh, and of the label of its namespaces (osm)" },
  { name: "namespace", value: "NS", help: "of the mesh (osm-system)" },
];

export interface InstallOptions {
  readonly mesh: Mesh;
  readonly controller: ControllerObjectsOptions;
  readonly gateways: readonly GatewayCertificate[];
  /** Where Contour's manifest is; empty: the pinned release. Absent: no Contour. */
  readonly contour?: string;
  readonly timeoutMs: number;
}

/** @param problems takes everything that is wrong, each with its flag */
export function readInstall(values: ReadonlyMap<string, readonly string[]>, problems: string[]): InstallOptions {
  const settings = readSettings(values.get("set") ?? [], SETTABLE, problems);
  const own = readOwnSettings(settings, problems);
  const contour = values.get("with-contour")?.[0] ?? (own.contour ? "" : undefined);
  const flags = new Map(
    CONTROLLER_KEYS.flatMap(({ name, value }) => {
      const given = settings.get(name);
      if (given === undefined || (value === undefined && given[0] === "false")) return [];
      if (value === undefined && given[0] !== "true")
        problems.push(`--set ${name} has the value '${given[0] ?? ""}'; expected true or false`);
      return [[name, value === undefined ? [""] : given] as const];
    }),
  );
  const { mesh, config } = readMesh(values, flags, problems);
  const gateways =
    contour !== undefined && !config.gatewaysByDefault ? [defaultGateway(mesh), ...config.gateways] : config.gateways;
  if (contour !== undefined && flags.has("gateway"))
    flags.set(
      "gateway",
      gateways.map(({ namespace, secret, name }) => `${namespace}/${secret}=${name}`),
    );
  const given = values.get("timeout")?.[0] ?? "5m";
  const timeout = readDuration(given);
  if (timeout instanceof Unusable || timeout === 0)
    problems.push(`--timeout has the value '${given}'; expected a duration such as 5m (${DURATION_UNITS})`);
  const { replicas, requests, limits, failurePolicy } = own;
  return {
    mesh,
    gateways,
    controller: {
      mesh,
      image: config.injection.image,
      replicas,
      requests,
      limits,
      failurePolicy,
      flags: [...flags]
        .filter(([name]) => !IN_MANIFEST.has(name))
        .flatMap(([name, given]) => given.map((value) => (value === "" ? `--${name}` : `--${name}=${value}`))),
      gatewaySecrets: gateways.map(({ namespace, secret }) => ({ namespace, secret })),
      ...(config.givenAuthority !== undefined && { givenAuthority: config.givenAuthority }),
    },
    ...(contour !== undefined && { contour }),
    timeoutMs: timeout instanceof Unusable ? 0 : timeout,
  };
}

/** The mesh that any of the commands means. */
export function readMesh(
  values: ReadonlyMap<string, readonly string[]>,
  flags: ReadonlyMap<string, readonly string[]>,
  problems: string[],
): Pick<ReturnType<typeof readController>, "config"> & { readonly mesh: Mesh } {
  const named = ["mesh-name", "namespace"].flatMap((name) => {
    const given = values.get(name);
    return given === undefined ? [] : [[name, given] as const];
  });
  const found: string[] = [];
  const { config } = readController(new Map([...flags, ...named]), {}, found);
  problems.push(
    ...found.map((problem) =>
      problem.replace(/^--([a-z-]+)/, (flag, name: string) => (flags.has(name) ? `--set ${name}` : flag)),
    ),
  );
  return { config, mesh: config.mesh };
}
