/**
 * What a namespace of the mesh needs for its sidecars: the bundle as a ConfigMap, and the binding of their role to its
 * service accounts. Both stay when a namespace leaves the mesh: pods that run there still use them.
 */
import type { ApiClient } from "../../api-server/client.ts";
import { isRecord, labelOf, listOf, textOf, type KubernetesObject } from "../../api-server/objects.ts";
import type { ReflectorEnvironment } from "../../api-server/watch/reflector-environment.ts";
import { Reflector } from "../../api-server/watch/reflector.ts";
import { BUNDLE_KEY, BUNDLE_NAME, INSTANCE_LABEL, KEPT_LABEL, meshNames } from "../names.ts";
import { ForeignObjectError, isOurs, writeObject } from "../objects/owned-objects.ts";

const RBAC = "rbac.authorization.k8s.io";

export interface NamespaceObjectsOptions {
  readonly client: ApiClient;
  readonly meshName: string;
  readonly onChange: () => void;
}

export class NamespaceObjects {
  readonly #options: NamespaceObjectsOptions;
  readonly #maps: Reflector<KubernetesObject>;
  readonly #bindings: Reflector<KubernetesObject>;

  constructor(environment: ReflectorEnvironment, options: NamespaceObjectsOptions) {
    this.#options = options;
    const { sidecarRole } = meshNames(options.meshName);
    const follow = (resource: string, path: string, name: string): Reflector<KubernetesObject> =>
      new Reflector<KubernetesObject>(environment, {
        resource: `${resource} ${name}`,
        path,
        selector: { fieldSelector: `metadata.name=${name}` },
        project: (object) => object,
        onChange: options.onChange,
      });
    this.#maps = follow("configmaps", "/api/v1/configmaps", BUNDLE_NAME);
    this.#bindings = follow("rolebindings", `/apis/${RBAC}/v1/rolebindings`, sidecarRole);
  }

  start(): void {
    this.#maps.start();
    this.#bindings.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#maps.stop(), this.#bindings.stop()]);
  }

  get synced(): boolean {
    return this.#maps.synced && this.#bindings.synced;
  }

  /** Every namespace is tried; rejects with the first failure. */
  async reconcile(namespaces: readonly string[], bundle: string, signal: AbortSignal): Promise<void> {
    if (!this.synced) throw new Error("the ConfigMaps and RoleBindings of the mesh's namespaces are not known yet");
    const failures: unknown[] = [];
    const attempt = (work: Promise<void>): Promise<void> => work.catch((error: unknown) => void failures.push(error));
    for (const namespace of namespaces) {
      await attempt(this.#bundleIn(namespace, bundle, signal));
      await attempt(this.#bindingIn(namespace, signal));
    }
    await attempt(this.#clusterBinding(namespaces, signal));
    if (failures.length > 0) throw failures[0];
  }

  /** Ours, and not marked as this mesh's: made by an older version, or for a mesh that the namespace has left. */
  #isUnmarked(found: KubernetesObject | undefined): boolean {
    return found !== undefined && isOurs(found) && labelOf(found, KEPT_LABEL) !== this.#options.meshName;
  }

  get #metadata(): object {
    return { labels: { [KEPT_LABEL]: this.#options.meshName } };
  }

  async #bundleIn(namespace: string, bundle: string, signal: AbortSignal): Promise<void> {
    const found = this.#maps.items.get(`${namespace}/${BUNDLE_NAME}`);
    if (textOf(found?.["data"], BUNDLE_KEY) === bundle && !this.#isUnmarked(found)) return;
    const place = { path: `/api/v1/namespaces/${namespace}/configmaps`, name: BUNDLE_NAME };
    const wanted = { apiVersion: "v1", kind: "ConfigMap", metadata: this.#metadata, data: { [BUNDLE_KEY]: bundle } };
    await writeObject(this.#options.client, place, found, wanted, signal);
  }

  async #bindingIn(namespace: string, signal: AbortSignal): Promise<void> {
    const { sidecarRole } = meshNames(this.#options.meshName);
    const found = this.#bindings.items.get(`${namespace}/${sidecarRole}`);
    const wanted = [subjectOf(namespace)];
    if (found !== undefined && sameSubjects(found, wanted) && !this.#isUnmarked(found)) return;
    const place = { path: `/apis/${RBAC}/v1/namespaces/${namespace}/rolebindings`, name: sidecarRole };
    const binding = {
      apiVersion: `${RBAC}/v1`,
      kind: "RoleBinding",
      metadata: this.#metadata,
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: sidecarRole },
      subjects: wanted,
    };
    await writeObject(this.#options.client, place, found, binding, signal);
  }

  /**
   * What sidecars read of the whole cluster is bound to the accounts of the mesh's namespaces, and to no others. The binding
   * is whoever's installed the mesh, without subjects: its labels stay as they are, Helm's `managed-by` among them.
   */
  async #clusterBinding(namespaces: readonly string[], signal: AbortSignal): Promise<void> {
    const { client, meshName } = this.#options;
    const path = `/apis/${RBAC}/v1/clusterrolebindings/${meshNames(meshName).sidecarClusterRole}`;
    const found = await client.json({ path, signal });
    if (!isRecord(found)) return;
    const { metadata } = found;
    const mesh = textOf(isRecord(metadata) ? metadata["labels"] : undefined, INSTANCE_LABEL);
    const subjects = namespaces.map(subjectOf);
    if (sameSubjects(found, subjects)) return;
    if (mesh !== meshName)
      throw new ForeignObjectError(
        `${path} is there and not this mesh's: delete it and install again, or label it ${INSTANCE_LABEL}=${meshName}`,
      );
    await client.json({ method: "PUT", path, body: { ...found, subjects }, signal });
  }
}

function subjectOf(namespace: string): Readonly<Record<string, string>> {
  return { apiGroup: RBAC, kind: "Group", name: `system:serviceaccounts:${namespace}` };
}

function sameSubjects(binding: KubernetesObject, wanted: readonly Readonly<Record<string, string>>[]): boolean {
  const names = (subjects: readonly unknown[]): string =>
    JSON.stringify(subjects.map((one) => `${textOf(one, "kind")}/${textOf(one, "name")}`));
  return names(listOf(binding, "subjects")) === names(wanted);
}
