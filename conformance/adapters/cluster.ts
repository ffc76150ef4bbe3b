/**
 * An API server, by a kubeconfig, that the implementation follows. Namespaces that cases name are made and stay, with the
 * labels of the last case. All other objects carry a label of the kit: those of one case go before the next is put there and
 * at the end, and so does what a run that was cut off has left. Nothing without that label is deleted or replaced.
 */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { kubeconfigCredentials } from "../../src/api-server/kubeconfig.ts";
import type { ApiCredentials } from "../../src/api-server/credentials.ts";
import { collectionPath, everywherePath, objectPath } from "../../test/support/api-server/api-caller.ts";
import { namespaceObject, type Manifest } from "../../test/support/mesh/objects.ts";
import { DECISIONS, type DecisionCase } from "../cases.ts";
import type { World } from "./world.ts";

interface Answer {
  readonly status: number;
  readonly body: string;
}

const KIT_LABEL = "postern.dev/conformance-kit";

/** What cases hold, but for namespaces. */
const KINDS = new Map(
  DECISIONS.flatMap(({ world }) => world.objects)
    .filter(({ kind }) => kind !== "Namespace")
    .map(({ apiVersion, kind }) => [`${apiVersion} ${kind}`, { apiVersion, kind }]),
);

export async function clusterWorld(kubeconfig: string, warn: (message: string) => void): Promise<World> {
  const server = await kubeconfigCredentials({ path: kubeconfig, warn });
  return {
    env: { CONFORMANCE_KUBECONFIG: kubeconfig },
    obstacle,
    put: async (objects) => {
      await clear(server);
      const given = objects.filter(({ kind }) => kind === "Namespace");
      const others = objects.filter(({ kind }) => kind !== "Namespace");
      const used = new Set(others.flatMap(({ metadata }) => metadata.namespace ?? []));
      const bare = [...used].filter((name) => !given.some(({ metadata }) => metadata.name === name));
      for (const namespace of [...given, ...bare.map((name) => namespaceObject(name))])
        await putNamespace(server, namespace);
      for (const object of others) await create(server, object);
    },
    [Symbol.asyncDispose]: () => clear(server),
  };
}

/** What an API server decides by itself cannot be put there. */
function obstacle({ world: { objects, meshName }, ...row }: DecisionCase): string | undefined {
  if (objects.some(({ metadata }) => metadata.creationTimestamp !== undefined))
    return "an API server gives objects their age";
  if (row.connections.some(({ expected }) => "reason" in expected && expected.reason === "invalid-policy"))
    return "an API server with the CRD does not store such an object";
  if (objects.some(({ kind }) => kind === "Endpoints"))
    return "Endpoints are copied to EndpointSlices by a controller of the cluster, which may be missing";
  if (meshName !== undefined && !objects.some(({ kind }) => kind === "Namespace"))
    return "an API server has no slice without its namespace";
  return undefined;
}

/** Deletes what the kit has made, in this run or in another. */
async function clear(server: ApiCredentials): Promise<void> {
  for (const { apiVersion, kind } of KINDS.values()) {
    const path = `${everywherePath(apiVersion, kind)}?labelSelector=${encodeURIComponent(KIT_LABEL)}`;
    // A server without this kind has none of them.
    const { status, body } = await expect(server, [200, 404], "GET", path);
    if (status === 404) continue;
    const { items } = JSON.parse(body) as { readonly items: readonly Manifest[] };
    for (const { metadata } of items)
      await expect(server, [200, 202, 404], "DELETE", objectPath(keyed({ apiVersion, kind, metadata })));
  }
}

/** @throws when an object of that name is there, which is not the kit's: the kit's have been deleted */
async function create(server: ApiCredentials, object: Manifest): Promise<void> {
  const { kind, metadata } = object;
  const labelled = { ...object, metadata: { ...metadata, labels: { ...metadata.labels, [KIT_LABEL]: "" } } };
  const { status } = await expect(server, [201, 409], "POST", collection(object), labelled);
  if (status === 409)
    throw new Error(`${kind} ${metadata.namespace}/${metadata.name} is there already, and the kit has not made it`);
}

/** The labels are those of the case, and no others. */
async function putNamespace(server: ApiCredentials, namespace: Manifest): Promise<void> {
  const created = await expect(server, [201, 409], "POST", collection(namespace), namespace);
  if (created.status === 201) return;
  const path = objectPath(keyed(namespace));
  const found = JSON.parse((await expect(server, [200], "GET", path)).body) as Manifest;
  const labels = namespace.metadata.labels ?? {};
  await expect(server, [200], "PUT", path, { ...found, metadata: { ...found.metadata, labels } });
}

function keyed(object: Manifest): Parameters<typeof objectPath>[0] {
  const { apiVersion, kind, metadata } = object;
  return { apiVersion, kind, metadata: { ...metadata } };
}

function collection({ apiVersion, kind, metadata }: Manifest): string {
  return collectionPath(apiVersion, kind, metadata.namespace);
}

/** @throws when the server answers with another status */
async function expect(
  server: ApiCredentials,
  statuses: readonly number[],
  method: string,
  path: string,
  body?: object,
): Promise<Answer> {
  const url = new URL(`${server.server.pathname.replace(/\/$/, "")}${path}`, server.server);
  const headers = { ...(await server.headers()), accept: "application/json", "content-type": "application/json" };
  const options = { method, headers, ...(await server.tls()) };
  const outgoing = url.protocol === "https:" ? httpsRequest(url, options) : httpRequest(url, options);
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  const answer = { status: incoming.statusCode ?? 0, body: await text(incoming) };
  if (statuses.includes(answer.status)) return answer;
  throw new Error(
    `${method} ${path}: ${answer.status} ${answer.body.slice(0, 300)}; expected ${statuses.join(" or ")}`,
  );
}
