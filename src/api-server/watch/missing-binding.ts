/** Which binding a 403 misses. The API server says in words who asked for what where; that is all that is needed. */

/** apiserver's text (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters`): stable since RBAC exists. */
const FORBIDDEN =
  /User "([^"]+)" cannot [a-z]+ resource "([a-z/]+)" in API group "[^"]*" (?:in the namespace "([^"]+)"|at the cluster scope)/;
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;
/** What may stand in a line that is pasted into a shell. */
const HARMLESS = /^[A-Za-z0-9@._:-]+$/;

const ROLES = "config/kubernetes/roles.yaml";
const MESH = "config/kubernetes/mesh.yaml";

/** @returns what to do, as lines to paste; `undefined` where the text is another's or names what no role of ours is for */
export function missingBinding(message: string): string | undefined {
  const [, user, resource, namespace] = FORBIDDEN.exec(message) ?? [];
  if (user === undefined || resource === undefined) return undefined;
  const [, home, account] = SERVICE_ACCOUNT.exec(user) ?? [];
  const subject = home === undefined ? `--user=${user}` : `--serviceaccount=${home}:${account}`;
  // Bindings of two applications must not have one name: the second would take the rights of the first.
  const suffix = home === undefined ? user : `${home}:${account}`;
  if (![suffix, namespace ?? "-"].every((text) => HARMLESS.test(text))) return undefined;
  if (resource === "namespaces") {
    const line = `kubectl create clusterrolebinding postern-mesh:${suffix} --clusterrole=postern-mesh ${subject}`;
    return advise("postern-mesh", MESH, line);
  }
  if (namespace === undefined) return undefined;
  if (resource === "endpointslices" && namespace !== home) {
    const everywhere = `kubectl create clusterrolebinding postern-sources:${suffix} --clusterrole=postern-sources ${subject}`;
    const here = `kubectl create rolebinding postern-sources:${suffix} -n ${namespace} --clusterrole=postern-sources ${subject}`;
    return advise("postern-sources", ROLES, `${everywhere}; or for that namespace alone: ${here}`);
  }
  const name = home === namespace ? account : suffix;
  return advise(
    "postern",
    ROLES,
    `kubectl create rolebinding postern:${name} -n ${namespace} --clusterrole=postern ${subject}`,
  );
}

function advise(role: string, file: string, line: string): string {
  return `bind ClusterRole ${role} (${file}): ${line}`;
}
