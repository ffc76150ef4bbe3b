/** A pod's volumes as directories, which are mounted into its containers and follow the objects that they come from. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ApiCaller } from "../../support/api-server/api-caller.ts";
import { fieldOf, type PodAddresses, type PodObject, type Source, type Volume } from "./pod-object.ts";

export class Volumes {
  readonly #api: ApiCaller;
  readonly #pod: PodObject;
  readonly #addresses: PodAddresses;
  readonly #directory: string;
  readonly #tokens = new Map<string, string>();

  constructor(api: ApiCaller, pod: PodObject, addresses: PodAddresses, directory: string) {
    this.#api = api;
    this.#pod = pod;
    this.#addresses = addresses;
    this.#directory = directory;
  }

  path(name: string): string {
    return join(this.#directory, name);
  }

  /** @returns false while an object that is not optional is missing: the pod does not start then */
  async write(): Promise<boolean> {
    let complete = true;
    for (const volume of this.#pod.spec.volumes ?? []) {
      mkdirSync(this.path(volume.name), { recursive: true });
      // Whatever user the containers run as; the mode of mkdir would be cut by ours.
      if (volume.emptyDir !== undefined) chmodSync(this.path(volume.name), 0o777);
      for (const source of volume.projected?.sources ?? [volume])
        if (!(await this.#writeSource(volume, source))) complete = false;
    }
    return complete;
  }

  async #writeSource(volume: Volume, source: Source): Promise<boolean> {
    const { configMap, secret, serviceAccountToken, downwardAPI } = source;
    if (serviceAccountToken !== undefined)
      this.#put(volume, serviceAccountToken.path, await this.#token(serviceAccountToken.path));
    for (const { path, fieldRef } of downwardAPI?.items ?? [])
      this.#put(volume, path, fieldOf(this.#pod, this.#addresses, fieldRef.fieldPath));
    const named = configMap ?? secret;
    if (named === undefined) return true;
    const kind = configMap === undefined ? "secrets" : "configmaps";
    const name = configMap?.name ?? secret?.secretName ?? secret?.name ?? "";
    const { status, body } = await this.#api.call(
      "GET",
      `/api/v1/namespaces/${this.#pod.metadata.namespace}/${kind}/${name}`,
    );
    if (status !== 200) return named.optional === true;
    const data = (body["data"] ?? {}) as Readonly<Record<string, string>>;
    const wanted = named.items ?? Object.keys(data).map((key) => ({ key, path: key }));
    for (const { key, path } of wanted) {
      const text = data[key];
      if (text === undefined) return named.optional === true;
      this.#put(volume, path, configMap === undefined ? Buffer.from(text, "base64").toString() : text);
    }
    return true;
  }

  /** Of the pod's account, and bound to the pod. */
  async #token(path: string): Promise<string> {
    const known = this.#tokens.get(path);
    if (known !== undefined) return known;
    const { metadata, spec } = this.#pod;
    const account = spec.serviceAccountName ?? "default";
    const answer = await this.#api.ask(
      "POST",
      `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${account}/token`,
      {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          expirationSeconds: 3_607,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name: metadata.name, uid: metadata.uid },
        },
      },
    );
    const token = answer.status?.token ?? "";
    this.#tokens.set(path, token);
    return token;
  }

  /** Whoever reads sees the former text or the next one, whole. */
  #put({ name }: Volume, path: string, text: string): void {
    const file = join(this.path(name), path);
    try {
      if (readFileSync(file, "utf8") === text) return;
    } catch {
      mkdirSync(dirname(file), { recursive: true });
    }
    writeFileSync(`${file}.new`, text, { mode: 0o644 });
    renameSync(`${file}.new`, file);
  }
}
