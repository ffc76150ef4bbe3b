/** One certificate by the CertificateSigningRequest API: asked for, waited for, taken. */
import { setTimeout as delay } from "node:timers/promises";
import type { ApiClient } from "../api-server/client.ts";
import { isRecord, listOf, textOf } from "../api-server/objects.ts";
import { CredentialsError } from "../tls/credentials-error.ts";

const PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
/** What the mesh's controller grants, and nothing else. */
const USAGES = ["digital signature", "server auth", "client auth"];

const FIRST_LOOK_MS = 50;
const SLOWEST_LOOK_MS = 2_000;

export interface CertificateAsked {
  /** `spec.signerName`, e.g. `postern.dev/osm`. */
  readonly signer: string;
  /** For people who look at the cluster's requests. */
  readonly podName: string;
  /** PEM. */
  readonly request: string;
}

/**
 * @returns the certificate and what is between it and its root, PEM
 * @throws CredentialsError when it is denied or has failed. Rejects with an ApiFailure, or with the signal's reason.
 */
export async function requestCertificate(
  client: ApiClient,
  { signer, podName, request }: CertificateAsked,
  signal: AbortSignal,
): Promise<string> {
  const created = await client.json({
    method: "POST",
    path: PATH,
    signal,
    body: {
      apiVersion: "certificates.k8s.io/v1",
      kind: "CertificateSigningRequest",
      metadata: { generateName: `postern-${podName.slice(0, 200)}-` },
      spec: { signerName: signer, request: Buffer.from(request).toString("base64"), usages: USAGES },
    },
  });
  const name = isRecord(created) ? textOf(created["metadata"], "name") : undefined;
  if (name === undefined)
    throw new CredentialsError("the API server has answered a certificate request without a name");
  let pauseMs = FIRST_LOOK_MS;
  for (;;) {
    const object = await client.json({ path: `${PATH}/${name}`, signal });
    const status = isRecord(object) ? object["status"] : undefined;
    const certificate = textOf(status, "certificate") ?? "";
    if (certificate !== "") return Buffer.from(certificate, "base64").toString("utf8");
    for (const condition of listOf(status, "conditions")) {
      const type = textOf(condition, "type") ?? "";
      if (type === "Denied" || type === "Failed")
        throw new CredentialsError(
          `certificate request ${name} of ${signer}: ${type}: ${textOf(condition, "message") ?? textOf(condition, "reason") ?? "no reason is given"}`,
        );
    }
    await delay(pauseMs, undefined, { signal });
    pauseMs = Math.min(pauseMs * 2, SLOWEST_LOOK_MS);
  }
}
