/** Contour's configuration file with the certificate that its Envoy shows to backends. Pure; comments and order stay. */
import { isMap, parseDocument } from "yaml";

export interface SecretName {
  readonly name: string;
  readonly namespace: string;
}

export type ConfigChange =
  | { readonly kind: "changed"; readonly text: string }
  | { readonly kind: "unchanged" }
  | { readonly kind: "refused"; readonly problem: string };

/** Sets `tls.envoy-client-certificate` (Contour's configuration reference). @param text `contour.yaml` of its ConfigMap */
export function withClientCertificate(text: string, secret: SecretName): ConfigChange {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) return { kind: "refused", problem: `it is not YAML: ${error.message}` };
  if (document.contents !== null && !isMap(document.contents)) return { kind: "refused", problem: "it is no mapping" };
  const tls = document.get("tls");
  if (tls !== undefined && tls !== null && !isMap(tls)) return { kind: "refused", problem: "its tls is no mapping" };
  const path = ["tls", "envoy-client-certificate"];
  const present = document.getIn(path);
  const former = isMap(present) ? (present.toJSON() as Partial<SecretName>) : undefined;
  if (former?.name === secret.name && former.namespace === secret.namespace) return { kind: "unchanged" };
  if (!isMap(tls)) document.set("tls", document.createNode({}));
  document.setIn(path, document.createNode({ name: secret.name, namespace: secret.namespace }));
  return { kind: "changed", text: document.toString({ lineWidth: 0 }) };
}
