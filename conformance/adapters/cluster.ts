/**
 * An API server, by a kubeconfig, that the implementation follows. Namespaces that cases name are made and stay; all other
 * objects are those of one case, and go with it.
 */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { kubeconfigCredentials } from "../../src/api-server/kubeconfig.ts";
import type { ApiCredentials } from "../../src/api-server/credentials.ts";
import { collectionPath, objectPath } from "../../test/support/api-server/api-caller.ts";
import { namespaceObject, type Manifest } from "../../test/support/mesh/objects.ts";
import type { DecisionCase } from "../cases.ts";
import type { World } from "./world.ts";

interface Answer {
  readonly status: number;
  readonly body: string;
}

export async function clusterWorld(kubeconfig: string, warn: (message: string) => void): Promise<World> {
  const server = await kubeconfigCredentials({ path: kubeconfig, warn });
  let present: readonly Manifest[] = [];
  return {
    env: { CONFORMANCE_KUBECONFIG: kubeconfig },
    obstacle,
    put: async (objects) => {
      for (const object of present) await expect(server, [200, 202, 404], "DELETE", objectPath(keyed(object)));
      present = objects.filter(({ kind }) => kind !== "Namespace");
      const given = objects.filter(({ kind }) => kind === "Namespace");
      const used = new Set(present.flatMap(({ metadata }) => metadata.namespace ?? []));
      const bare = [...used].filter((name) => !given.some(({ metadata }) => metadata.name === name));
      for (const namespace of [...given, ...bare.map((name) => namespaceObject(name))])
        await putNamespace(server, namespace);
      for (const object of present) await expect(server, [201], "POST", collection(object), object);
    },
  };
}

/** What an API server decides by itself cannot be put there. */
function obstacle({ world: { objects, meshName }, ...row }: DecisionCase): string | undefined {
  if (objects.some(({ metadata }) => metadata.creationTimestamp !== undefined))
    return "an API server gives objects their age";
  if (row.connections.some(({ expected }) => "reason" in expected && expected.reason === "invalid-policy"))
    return "an API server with the CRD does not store such an object";
  if (meshName !== undefined && !objects.some(({ kind }) => kind === "Namespace"))
    return "an API server has no slice without its namespace";
  return undefined;
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
