/** The bundle as ClusterTrustBundle of our signer, where the API server has that API (off by default in most releases). */
import type { ApiClient } from "../../api-server/client.ts";
import { ApiFailure } from "../../api-server/failure.ts";
import { textOf, type KubernetesObject } from "../../api-server/objects.ts";
import { TRUST_BUNDLE_VERSIONS } from "../names.ts";
import { readObject, writeObject } from "../objects/owned-objects.ts";

export interface TrustBundle {
  readonly name: string;
  readonly signer: string;
  /** PEM. */
  readonly bundle: string;
}

export class TrustBundlePublisher {
  readonly #client: ApiClient;
  /** The version that is served; `none` until the process starts anew. */
  #version: (typeof TRUST_BUNDLE_VERSIONS)[number] | "none" | undefined;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** Rejects with an ApiFailure or a ForeignObjectError. */
  async publish({ name, signer, bundle }: TrustBundle, signal: AbortSignal): Promise<void> {
    this.#version ??= await this.#served(signal);
    if (this.#version === "none") return;
    const place = { path: `/apis/certificates.k8s.io/${this.#version}/clustertrustbundles`, name };
    const found: KubernetesObject | undefined = await readObject(this.#client, place, signal);
    if (textOf(found?.["spec"], "trustBundle") === bundle) return;
    const wanted = {
      apiVersion: `certificates.k8s.io/${this.#version}`,
      kind: "ClusterTrustBundle",
      metadata: {},
      spec: { signerName: signer, trustBundle: bundle },
    };
    await writeObject(this.#client, place, found, wanted, signal);
  }

  /** What a version serves is known to every account (`system:discovery`). */
  async #served(signal: AbortSignal): Promise<(typeof TRUST_BUNDLE_VERSIONS)[number] | "none"> {
    for (const version of TRUST_BUNDLE_VERSIONS) {
      try {
        const list = await this.#client.json({ path: `/apis/certificates.k8s.io/${version}`, signal });
        if (JSON.stringify(list).includes('"clustertrustbundles"')) return version;
      } catch (error) {
        if (!(error instanceof ApiFailure) || error.kind !== "absent") throw error;
      }
    }
    return "none";
  }
}
