/** The change-over as shell commands, step by step. Pure. */
import { readMeshConfigCertificate } from "../controller/gateway-certificates/mesh-config.ts";
import type { Mesh } from "../controller/names.ts";
import { MONITORED_LABEL } from "../policy/monitored-label.ts";
import { injectionOf, SIDECAR_INJECTION } from "../inject/annotations.ts";
import { fieldsAt, itemsAt } from "../inject/fields.ts";
import { ENFORCEMENT_ANNOTATION } from "../policy/objects/enforcement.ts";
import { AUTHORITY_KEY, AUTHORITY_SECRET } from "./exported-kinds.ts";
import { nameOf, namespaceOf, type Installation } from "./installation.ts";
import { quoted } from "./quoted.ts";
import { INBOUND_EXCLUSION, type Workload } from "./workloads.ts";

/** In the order in which they are done; `back` undoes them from wherever somebody stands before `leave`. */
export const STEPS = ["install", "audit", "move", "gateways", "enforce", "leave", "back"] as const;
export type StepName = (typeof STEPS)[number];

export interface Step {
  readonly name: StepName;
  readonly about: string;
  readonly commands: readonly string[];
}

export interface Plan {
  /** Of Postern; another name than OSM's, as long as both are there. */
  readonly mesh: Mesh;
  /** RFC 3339; when the audit ends by itself. */
  readonly auditUntil: string;
  /** More of `postern install --set`. */
  readonly settings: readonly string[];
  /** Only these namespaces are moved, and no gateway that others may need; empty: all. */
  readonly only: readonly string[];
}

/** Secret with a copy of OSM's CA, under the keys that the controller reads. */
const AUTHORITY_COPY = "postern-osm-ca";
const POLICIES = "ingressbackends.policy.openservicemesh.io";
const PATIENCE = "--timeout=10m";

export function stepsOf(installation: Installation, workloads: readonly Workload[], plan: Plan): readonly Step[] {
  const { mesh, auditUntil } = plan;
  const meant = (namespace: string): boolean => plan.only.length === 0 || plan.only.includes(namespace);
  const allGateways = gatewayNamespaces(installation, workloads);
  const others = [...installation.namespaces.keys()].filter(
    (name) => name !== installation.namespace && !allGateways.includes(name),
  );
  const moved = others.filter(meant);
  // A gateway is given up by OSM when it moves, and the namespaces that are not meant may still be OSM's.
  const whole = moved.length === others.length;
  const gateways = allGateways.filter((name) => whole || plan.only.includes(name));
  const policies = installation.of("IngressBackend").filter((one) => meant(namespaceOf(one)));
  const audit = policies.map((one) => annotate(one, `${ENFORCEMENT_ANNOTATION}=audit:${auditUntil}`));
  const enforce = policies.map((one) => annotate(one, `${ENFORCEMENT_ANNOTATION}-`));
  return [
    { name: "install", about: "Postern beside OSM, with OSM's CA", commands: install(installation, plan) },
    {
      name: "audit",
      about: `refusals of Postern by address or name are counted and forwarded, until ${auditUntil}`,
      commands: audit,
    },
    {
      name: "move",
      about: "pods get Postern's sidecar in the place of OSM's",
      commands: moved.flatMap((name) => move(name, installation, workloads, mesh.name)),
    },
    {
      name: "gateways",
      about: "when every application has moved: the gateways' namespaces, which OSM reads no more then",
      commands: gateways.flatMap((name) => claim(name, installation, mesh.name)),
    },
    { name: "enforce", about: "when nothing would be refused that should not be", commands: enforce },
    {
      name: "leave",
      about: "OSM away, its Secrets to Postern's controller",
      commands: whole ? leave(installation) : [],
    },
    {
      name: "back",
      about: "before 'leave': everything as it was, by way of an audit",
      commands: [
        ...audit,
        ...gateways.flatMap((name) => giveBack(name, installation)),
        ...moved.flatMap((name) => [...giveBack(name, installation), ...restart(name, workloads)]),
        ...enforce,
      ],
    },
  ];
}

function install({ namespace, holdsKey, meshConfig }: Installation, { mesh, settings }: Plan): readonly string[] {
  const { serviceValidityMs, gateway } = readMeshConfigCertificate(meshConfig);
  const given = (key: string): boolean => settings.some((setting) => setting.startsWith(`${key}=`));
  const own = [
    ...(holdsKey === false || given("ca-secret") ? [] : [`ca-secret=${AUTHORITY_COPY}`]),
    ...(mesh.trustDomain === "cluster.local" ? [] : [`trust-domain=${mesh.trustDomain}`]),
    ...(serviceValidityMs === undefined || given("validity") ? [] : [`validity=${serviceValidityMs / 1_000}s`]),
    ...(gateway === undefined || given("gateway")
      ? []
      : [`gateway=${gateway.namespace}/${gateway.secret}=${gateway.name}`]),
  ];
  const template = JSON.stringify({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: AUTHORITY_COPY, namespace: mesh.namespace },
    type: "kubernetes.io/tls",
    data: { "tls.crt": "CERT", "tls.key": "KEY" },
  })
    .replace('"CERT"', '"{{index .data "ca.crt"}}"')
    .replace('"KEY"', `"{{index .data "${AUTHORITY_KEY}"}}"`);
  const copy = `kubectl -n ${namespace} get secret ${AUTHORITY_SECRET} -o go-template=${quoted(template)} | kubectl apply --server-side -f -`;
  const flags = [...own, ...settings].map((setting) => `--set ${quoted(setting)}`);
  return [
    ...(own.some((setting) => setting.startsWith("ca-secret=")) ? [copy] : []),
    [`postern install --apply --beside-osm --mesh-name ${mesh.name} --namespace ${mesh.namespace}`, ...flags].join(" "),
  ];
}

/** Of the sources, where nothing runs that OSM guards. */
function gatewayNamespaces(installation: Installation, workloads: readonly Workload[]): readonly string[] {
  const sources = installation
    .of("IngressBackend")
    .flatMap((object) =>
      itemsAt(fieldsAt(object, "spec"), "sources").flatMap(({ kind, namespace }) =>
        kind === "Service" && typeof namespace === "string" && namespace !== "" ? namespace : [],
      ),
    );
  const guarded = new Set([
    ...workloads.filter(({ injected }) => injected).map(({ object }) => namespaceOf(object)),
    ...installation.of("IngressBackend").map(namespaceOf),
  ]);
  guarded.delete(installation.namespace);
  return [...new Set(sources)].filter((name) => !guarded.has(name)).sort();
}

/** Postern's mesh injects unless a namespace says no, and OSM's only where it says yes. */
function claim(name: string, installation: Installation, mesh: string): readonly string[] {
  return [
    ...(isSilent(name, installation)
      ? [`kubectl annotate namespace ${name} --overwrite ${SIDECAR_INJECTION}=disabled`]
      : []),
    label(name, mesh),
  ];
}

function move(
  name: string,
  installation: Installation,
  workloads: readonly Workload[],
  mesh: string,
): readonly string[] {
  const patches = workloads.flatMap(({ object, excluded }) => {
    if (excluded === undefined || namespaceOf(object) !== name) return [];
    const patch = { spec: { template: { metadata: { annotations: { [INBOUND_EXCLUSION]: excluded } } } } };
    return `kubectl -n ${name} patch ${resourceOf(object)} --type=merge -p ${quoted(JSON.stringify(patch))}`;
  });
  return [...claim(name, installation, mesh), ...patches, ...restart(name, workloads)];
}

function restart(name: string, workloads: readonly Workload[]): readonly string[] {
  const own = workloads
    .filter(({ object, injected }) => injected && namespaceOf(object) === name)
    .map(({ object }) => resourceOf(object));
  return own.length === 0
    ? []
    : [
        `kubectl -n ${name} rollout restart ${own.join(" ")}`,
        ...own.map((one) => `kubectl -n ${name} rollout status ${one} ${PATIENCE}`),
      ];
}

function leave({ mesh, namespace, meshConfig }: Installation): readonly string[] {
  const { gateway } = readMeshConfigCertificate(meshConfig);
  const owned = (of: string, ...secrets: readonly string[]): string =>
    `kubectl -n ${of} label secret ${secrets.join(" ")} app.kubernetes.io/managed-by=postern-controller --overwrite`;
  return [
    `osm uninstall mesh --mesh-name ${mesh} --osm-namespace ${namespace} --force`,
    `kubectl delete mutatingwebhookconfiguration osm-webhook-${mesh} --ignore-not-found`,
    `kubectl delete validatingwebhookconfiguration osm-validator-mesh-${mesh} --ignore-not-found`,
    owned(namespace, AUTHORITY_SECRET),
    ...(gateway === undefined ? [] : [owned(gateway.namespace, gateway.secret)]),
  ];
}

function giveBack(name: string, installation: Installation): readonly string[] {
  const { mesh, namespaces } = installation;
  return [
    namespaces.has(name) ? label(name, mesh) : `kubectl label namespace ${name} ${MONITORED_LABEL}-`,
    ...(isSilent(name, installation) ? [`kubectl annotate namespace ${name} ${SIDECAR_INJECTION}-`] : []),
  ];
}

/** Says nothing of sidecars; that of the mesh itself gets none, whatever it says. */
function isSilent(name: string, { namespaces, namespace: own }: Installation): boolean {
  return name !== own && injectionOf(namespaces.get(name)) === undefined;
}

function label(namespace: string, mesh: string): string {
  return `kubectl label namespace ${namespace} --overwrite ${MONITORED_LABEL}=${mesh}`;
}

function annotate(policy: ReturnType<Installation["of"]>[number], annotation: string): string {
  return `kubectl -n ${namespaceOf(policy)} annotate ${POLICIES} ${nameOf(policy)} --overwrite ${annotation}`;
}

/** `deployment/foo` */
function resourceOf(object: ReturnType<Installation["of"]>[number]): string {
  return `${String(object["kind"]).toLowerCase()}/${nameOf(object)}`;
}
