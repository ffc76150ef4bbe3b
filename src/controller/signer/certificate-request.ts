/** A CertificateSigningRequest of the API, read without trust in what its sender wrote. */
import { isRecord, listOf, textOf, type KubernetesObject } from "../../api-server/objects.ts";

export type ConditionType = "Approved" | "Denied" | "Failed";

export interface CertificateRequest {
  readonly name: string;
  readonly object: KubernetesObject;
  readonly signer: string;
  /** Base64 of PEM, as it was sent. */
  readonly request: string;
  readonly usages: readonly string[];
  readonly expirationSeconds?: number;
  /** Set by the API server from the requester's credentials, never by the requester. */
  readonly username: string;
  readonly extra: Readonly<Record<string, readonly string[]>>;
  readonly conditions: ReadonlySet<string>;
  readonly issued: boolean;
}

export function readCertificateRequest(object: KubernetesObject): CertificateRequest {
  const { spec, status } = object;
  const expiration = isRecord(spec) ? spec["expirationSeconds"] : undefined;
  const extra = isRecord(spec) && isRecord(spec["extra"]) ? spec["extra"] : {};
  return {
    name: textOf(object["metadata"], "name") ?? "",
    object,
    signer: textOf(spec, "signerName") ?? "",
    request: textOf(spec, "request") ?? "",
    usages: texts(listOf(spec, "usages")),
    ...(typeof expiration === "number" && { expirationSeconds: expiration }),
    username: textOf(spec, "username") ?? "",
    extra: Object.fromEntries(
      Object.entries(extra).map(([key, value]) => [key, Array.isArray(value) ? texts(value) : []]),
    ),
    conditions: new Set(listOf(status, "conditions").flatMap((one) => textOf(one, "type") ?? [])),
    issued: (textOf(status, "certificate") ?? "") !== "",
  };
}

function texts(values: readonly unknown[]): readonly string[] {
  return values.filter((value) => typeof value === "string");
}
