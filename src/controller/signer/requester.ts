/** Who asked for a certificate, from what the API server says of the requester's token. */
import type { CertificateRequest } from "./certificate-request.ts";

export interface Requester {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Of the pod that the token is bound to (KEP-4193). */
  readonly podName: string;
  readonly podUid: string;
}

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const ACCOUNT = new RegExp(`^system:serviceaccount:(${LABEL}):(${LABEL}(?:\\.${LABEL})*)$`);
const POD_NAME = "authentication.kubernetes.io/pod-name";
const POD_UID = "authentication.kubernetes.io/pod-uid";

/** What is wrong, in words, where the requester is no pod's service account. */
export function requesterOf({ username, extra }: Pick<CertificateRequest, "username" | "extra">): Requester | string {
  const [, namespace, serviceAccount] = ACCOUNT.exec(username) ?? [];
  if (namespace === undefined || serviceAccount === undefined)
    return `the requester is '${username}'; expected a service account, system:serviceaccount:NAMESPACE:NAME`;
  const podName = only(extra[POD_NAME]);
  const podUid = only(extra[POD_UID]);
  if (podName === undefined || podUid === undefined)
    return "the requester's token is bound to no pod; expected the token that the kubelet mounts into the pod";
  return { namespace, serviceAccount, podName, podUid };
}

function only(values: readonly string[] | undefined): string | undefined {
  return values?.length === 1 && values[0] !== "" ? values[0] : undefined;
}
