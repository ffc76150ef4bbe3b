/** Which namespaces belong to the mesh, from their labels. */
import { isRecord, type KubernetesObject } from "../../api-server/objects.ts";
import type { ReflectorEnvironment } from "../../api-server/watch/reflector-environment.ts";
import { Reflector } from "../../api-server/watch/reflector.ts";
import { MONITORED_LABEL } from "../../policy/monitored-label.ts";

export interface NamespaceMarks {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly annotations: Readonly<Record<string, unknown>>;
  /** It is being deleted: nothing can be made in it any more, and what runs there may still renew. */
  readonly ends: boolean;
}

export class MeshNamespaces {
  readonly #reflector: Reflector<NamespaceMarks>;

  constructor(environment: ReflectorEnvironment, meshName: string, onChange: () => void) {
    this.#reflector = new Reflector<NamespaceMarks>(environment, {
      resource: `namespaces of mesh ${meshName}`,
      path: "/api/v1/namespaces",
      selector: { labelSelector: `${MONITORED_LABEL}=${meshName}` },
      project: (object) => marksOf(object),
      onChange,
    });
  }

  start(): void {
    this.#reflector.start();
  }

  stop(): Promise<void> {
    return this.#reflector.stop();
  }

  /** Until then nothing is known, and no namespace is in the mesh. */
  get synced(): boolean {
    return this.#reflector.synced && this.#reflector.unknown === undefined;
  }

  /** `undefined` for a namespace that does not belong to the mesh. */
  marks(namespace: string): NamespaceMarks | undefined {
    return this.synced ? this.#reflector.items.get(`/${namespace}`) : undefined;
  }

  /** Sorted; those that are being deleted are left out. */
  names(): readonly string[] {
    const items = this.synced ? [...this.#reflector.items] : [];
    return items.flatMap(([key, { ends }]) => (ends ? [] : key.slice(1))).sort();
  }
}

function marksOf({ metadata }: KubernetesObject): NamespaceMarks {
  const { labels, annotations, deletionTimestamp } = isRecord(metadata) ? metadata : {};
  return {
    labels: isRecord(labels) ? labels : {},
    annotations: isRecord(annotations) ? annotations : {},
    ends: typeof deletionTimestamp === "string",
  };
}
