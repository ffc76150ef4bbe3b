/** Whether a sidecar gets the certificate that it asks for: only for its own pod's service account, and only as OSM's are. */
import type { webcrypto } from "node:crypto";
import { workloadName } from "../names.ts";
import type { CertificateRequest } from "./certificate-request.ts";
import { requesterOf, type Requester } from "./requester.ts";
import { readRequestContent } from "./request-content.ts";

/** `spec.usages` of every request, in any order. */
export const REQUEST_USAGES: readonly string[] = ["digital signature", "server auth", "client auth"];

export type RefusedBecause = "NotAPod" | "NotInMesh" | "WrongUsages" | "WrongLifetime" | "WrongRequest";

export type RequestVerdict =
  | {
      readonly kind: "approve";
      readonly requester: Requester;
      /** Made from the requester's account, not from the request. */
      readonly name: string;
      readonly publicKey: webcrypto.CryptoKey;
      readonly validityMs: number;
    }
  | { readonly kind: "deny"; readonly reason: RefusedBecause; readonly message: string };

export interface SignerRules {
  readonly trustDomain: string;
  /** Longest life of a certificate; a request may ask for less. */
  readonly validityMs: number;
  /** Whether a namespace belongs to the mesh. */
  readonly isMonitored: (namespace: string) => boolean;
}

/** The least that `spec.expirationSeconds` may be at the API server too. */
const LEAST_EXPIRATION_SECONDS = 600;

export async function judgeRequest(request: CertificateRequest, rules: SignerRules): Promise<RequestVerdict> {
  const deny = (reason: RefusedBecause, message: string): RequestVerdict => ({ kind: "deny", reason, message });
  const requester = requesterOf(request);
  if (typeof requester === "string") return deny("NotAPod", requester);
  const { namespace, serviceAccount } = requester;
  if (!rules.isMonitored(namespace))
    return deny(
      "NotInMesh",
      `the namespace ${namespace} does not belong to this mesh; label it, or ask another signer`,
    );
  if (!sameUsages(request.usages))
    return deny(
      "WrongUsages",
      `spec.usages is ${JSON.stringify(request.usages).slice(0, 300)}; expected exactly ${JSON.stringify(REQUEST_USAGES)}`,
    );
  const { expirationSeconds } = request;
  if (expirationSeconds !== undefined && !(expirationSeconds >= LEAST_EXPIRATION_SECONDS))
    return deny(
      "WrongLifetime",
      `spec.expirationSeconds is ${expirationSeconds}; expected ${LEAST_EXPIRATION_SECONDS} or more`,
    );
  const name = workloadName(serviceAccount, namespace, rules.trustDomain);
  const content = await readRequestContent(request.request, name);
  if ("problem" in content) return deny("WrongRequest", content.problem);
  const validityMs = Math.min(rules.validityMs, (expirationSeconds ?? Number.POSITIVE_INFINITY) * 1_000);
  return { kind: "approve", requester, name, publicKey: content.publicKey, validityMs };
}

function sameUsages(usages: readonly string[]): boolean {
  return usages.length === REQUEST_USAGES.length && REQUEST_USAGES.every((usage) => usages.includes(usage));
}
