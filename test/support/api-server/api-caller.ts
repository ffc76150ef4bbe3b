/** What a test asks of an API server, real or not, as its administrator. */
import { once } from "node:events";
import { Agent, request } from "node:https";
import type { IncomingMessage } from "node:http";

export interface ApiAnswer {
  readonly status: number;
  readonly body: ApiObject;
}

/** An object as a server answers it: the members that tests look at. */
export interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
  };
  readonly status?: {
    readonly currentStatus?: string;
    readonly reason?: string;
    readonly token?: string;
    readonly backends?: unknown;
  };
  readonly items?: readonly ApiObject[];
  readonly message?: string;
  readonly [member: string]: unknown;
}

/** An object to be written, with `apiVersion` and `kind`. */
export interface ManifestLike {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [member: string]: unknown };
  readonly [member: string]: unknown;
}

export interface ApiCallerOptions {
  readonly port: () => number;
  readonly ca: () => string;
  readonly token: string;
}

const PLURALS: Readonly<Record<string, string>> = {
  Endpoints: "endpoints",
  NetworkPolicy: "networkpolicies",
};
const CLUSTER_WIDE: ReadonlySet<string> = new Set([
  "Namespace",
  "Node",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
  "CertificateSigningRequest",
  "ClusterTrustBundle",
  "MutatingWebhookConfiguration",
  "ValidatingWebhookConfiguration",
]);

/** All objects of a kind, in whatever namespace. */
export function everywherePath(apiVersion: string, kind: string): string {
  return `${rootPath(apiVersion)}/${pluralOf(kind)}`;
}

export function collectionPath(apiVersion: string, kind: string, namespace: string | undefined): string {
  if (CLUSTER_WIDE.has(kind)) return everywherePath(apiVersion, kind);
  return `${rootPath(apiVersion)}/namespaces/${namespace ?? "default"}/${pluralOf(kind)}`;
}

function rootPath(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

function pluralOf(kind: string): string {
  return PLURALS[kind] ?? `${kind.toLowerCase()}s`;
}

export function objectPath({ apiVersion, kind, metadata }: ManifestLike): string {
  return `${collectionPath(apiVersion, kind, metadata.namespace)}/${metadata.name}`;
}

export class ApiCaller {
  readonly #options: ApiCallerOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  constructor(options: ApiCallerOptions) {
    this.#options = options;
  }

  async call(method: string, path: string, body?: unknown, contentType = "application/json"): Promise<ApiAnswer> {
    const incoming = await this.#send(method, path, body === undefined ? undefined : JSON.stringify(body), contentType);
    return { status: incoming.statusCode ?? 0, body: parsed(await textOf(incoming)) };
  }

  /** What is no object: `/metrics`. */
  async text(path: string): Promise<string> {
    return textOf(await this.#send("GET", path, undefined, "application/json"));
  }

  /** @throws when the server refuses */
  async ask(method: string, path: string, body?: unknown, contentType?: string): Promise<ApiObject> {
    const answer = await this.call(method, path, body, contentType);
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${answer.body.message ?? ""}`);
  }

  create(object: ManifestLike): Promise<ApiObject> {
    return this.ask("POST", collectionPath(object.apiVersion, object.kind, object.metadata.namespace), object);
  }

  /** Takes the place of the object of that name, whatever its version: a controller or a status may come between. */
  async replace(object: ManifestLike): Promise<ApiObject> {
    for (let tries = 1; ; tries += 1) {
      const { resourceVersion } = (await this.ask("GET", objectPath(object))).metadata;
      const next = { ...object, metadata: { ...object.metadata, resourceVersion } };
      const { status, body } = await this.call("PUT", objectPath(object), next);
      if (status < 300) return body;
      if (status !== 409 || tries === 5) throw new Error(`PUT ${objectPath(object)}: ${status} ${body.message ?? ""}`);
    }
  }

  async apply(...objects: readonly ManifestLike[]): Promise<void> {
    for (const object of objects) {
      const path = collectionPath(object.apiVersion, object.kind, object.metadata.namespace);
      const { status, body } = await this.call("POST", path, object);
      if (status === 409) await this.replace(object);
      else if (status >= 300) throw new Error(`POST ${path}: ${status} ${body.message ?? ""}`);
    }
  }

  read(object: ManifestLike): Promise<ApiObject> {
    return this.ask("GET", objectPath(object));
  }

  delete(object: ManifestLike): Promise<ApiObject> {
    return this.ask("DELETE", objectPath(object));
  }

  async #send(
    method: string,
    path: string,
    body: string | undefined,
    contentType: string,
    again = true,
  ): Promise<IncomingMessage> {
    const { port, ca, token } = this.#options;
    const headers = {
      authorization: `Bearer ${token}`,
      accept: "application/json",
      "content-type": contentType,
      // Node sends a DELETE's body without any length, and the server reads it as the next request.
      ...(body !== undefined && { "content-length": Buffer.byteLength(body) }),
    };
    const outgoing = request({ host: "127.0.0.1", port: port(), path, method, ca: ca(), agent: this.#agent, headers });
    outgoing.end(body);
    try {
      const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
      return incoming;
    } catch (error) {
      // The server was restarted since the last call.
      if (outgoing.reusedSocket && again) return this.#send(method, path, body, contentType, false);
      throw error;
    }
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of incoming.setEncoding("utf8")) text += String(chunk);
  return text;
}

function parsed(text: string): ApiObject {
  try {
    return JSON.parse(text) as ApiObject;
  } catch {
    return { metadata: { name: "", uid: "", resourceVersion: "" }, message: text.slice(0, 200) };
  }
}
