/** Which namespaces belong to the mesh, from their labels. */
import { isRecord, type KubernetesObject } from "../../discovery/kubernetes/objects.ts";
import { Reflector, type ReflectorEnvironment } from "../../discovery/kubernetes/reflector.ts";
import { MONITORED_LABEL } from "../names.ts";

export interface NamespaceMarks {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly annotations: Readonly<Record<string, unknown>>;
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

  /** Sorted. */
  names(): readonly string[] {
    return this.synced ? [...this.#reflector.items.keys()].map((key) => key.slice(1)).sort() : [];
  }
}

function marksOf({ metadata }: KubernetesObject): NamespaceMarks {
  const { labels, annotations } = isRecord(metadata) ? metadata : {};
  return { labels: isRecord(labels) ? labels : {}, annotations: isRecord(annotations) ? annotations : {} };
}
