/**
 * Every object that a mesh's controller needs, as `kubectl apply` takes it: one list, from which `install` prints and tests
 * take rights away. The CRD of IngressBackend and the mesh's namespace are the installer's. Pure.
 */
import { meshNames, type Mesh } from "../names.ts";
import { MONITORED_LABEL } from "../../policy/monitored-label.ts";
import { labelsOf } from "./labels.ts";
import type { Manifest } from "./manifest.ts";
import { controllerRoles, sidecarRoles, type RoleOptions } from "./roles.ts";

export interface ControllerObjectsOptions extends RoleOptions {
  readonly mesh: Mesh;
  readonly image: string;
  readonly replicas: number;
  /** More flags of `postern controller`, e.g. `--traffic=target-port`. */
  readonly flags: readonly string[];
  readonly requests: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<string, string>>;
  /** What the API server does with pods and IngressBackends of the mesh while no replica answers. */
  readonly failurePolicy: "Fail" | "Ignore";
}

export const WEBHOOK_PORT = 9_443;
export const HEALTH_PORT = 15_021;
const USER = 1_500;

export const CONTROLLER_DEFAULTS = {
  replicas: 2,
  flags: [],
  requests: { cpu: "50m", memory: "128Mi" },
  limits: { memory: "256Mi" },
  failurePolicy: "Fail",
} as const satisfies Partial<ControllerObjectsOptions>;

export function controllerObjects(options: ControllerObjectsOptions): readonly Manifest[] {
  const { mesh } = options;
  const { controller } = meshNames(mesh.name);
  return [
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: controller, namespace: mesh.namespace, labels: labelsOf(mesh) },
    },
    ...controllerRoles(options),
    ...sidecarRoles(mesh),
    service(mesh),
    deployment(options),
    disruptionBudget(mesh),
    ...webhookConfigurations(options),
  ];
}

function service(mesh: Mesh): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: meshNames(mesh.name).controller, namespace: mesh.namespace, labels: labelsOf(mesh) },
    spec: { selector: labelsOf(mesh), ports: [{ name: "webhook", port: 443, targetPort: "webhook" }] },
  };
}

function disruptionBudget(mesh: Mesh): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: meshNames(mesh.name).controller, namespace: mesh.namespace, labels: labelsOf(mesh) },
    spec: { minAvailable: 1, selector: { matchLabels: labelsOf(mesh) } },
  };
}

function deployment(options: ControllerObjectsOptions): Manifest {
  const { mesh, image, replicas, flags, requests, limits } = options;
  const { controller } = meshNames(mesh.name);
  const labels = labelsOf(mesh);
  const fromPod = (name: string, fieldPath: string): object => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: controller, namespace: mesh.namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: controller,
          terminationGracePeriodSeconds: 30,
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: { matchLabels: labels },
            },
          ],
          securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
          containers: [
            {
              name: "controller",
              image,
              args: [
                "controller",
                `--mesh-name=${mesh.name}`,
                `--trust-domain=${mesh.trustDomain}`,
                `--webhook=[::]:${WEBHOOK_PORT}`,
                `--health=[::]:${HEALTH_PORT}`,
                ...flags,
              ],
              env: [fromPod("POD_NAMESPACE", "metadata.namespace"), fromPod("POD_NAME", "metadata.name")],
              ports: [
                { name: "webhook", containerPort: WEBHOOK_PORT },
                { name: "health", containerPort: HEALTH_PORT },
              ],
              readinessProbe: { httpGet: { path: "/readyz", port: "health" }, periodSeconds: 2 },
              livenessProbe: { httpGet: { path: "/livez", port: "health" }, periodSeconds: 10, failureThreshold: 6 },
              resources: { requests, limits },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                runAsUser: USER,
                runAsGroup: USER,
                capabilities: { drop: ["ALL"] },
              },
            },
          ],
        },
      },
    },
  };
}

/** Only namespaces of the mesh, and never that of the controller itself, which would wait for its own webhook. */
function webhookConfigurations({ mesh, failurePolicy }: ControllerObjectsOptions): readonly Manifest[] {
  const { controller, injectorConfiguration, validatorConfiguration } = meshNames(mesh.name);
  const common = (path: string): object => ({
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    timeoutSeconds: 10,
    failurePolicy,
    clientConfig: { service: { namespace: mesh.namespace, name: controller, path, port: 443 } },
    namespaceSelector: {
      matchLabels: { [MONITORED_LABEL]: mesh.name },
      matchExpressions: [{ key: "kubernetes.io/metadata.name", operator: "NotIn", values: [mesh.namespace] }],
    },
  });
  return [
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingWebhookConfiguration",
      metadata: { name: injectorConfiguration, labels: labelsOf(mesh) },
      webhooks: [
        {
          name: "injector.postern.dev",
          ...common("/inject"),
          // Containers that another webhook adds later are seen too.
          reinvocationPolicy: "IfNeeded",
          rules: [
            { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"], scope: "Namespaced" },
          ],
        },
      ],
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: validatorConfiguration, labels: labelsOf(mesh) },
      webhooks: [
        {
          name: "validator.postern.dev",
          ...common("/validate"),
          rules: [
            {
              apiGroups: ["policy.openservicemesh.io", "policy.flomesh.io"],
              apiVersions: ["v1alpha1"],
              operations: ["CREATE", "UPDATE"],
              resources: ["ingressbackends"],
              scope: "Namespaced",
            },
          ],
        },
      ],
    },
  ];
}
