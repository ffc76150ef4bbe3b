/** A message of the Workload API as the texts that are checked and put in force like those of files. */
import { X509Certificate } from "node:crypto";
import { CredentialsError } from "../credentials-error.ts";
import type { CredentialsOrigin, CredentialTexts } from "../credentials.ts";
import { readElement } from "../x509/der.ts";
import { sansOf } from "../x509/identity.ts";
import { trustDomainOf, workloadDomainOf } from "../x509/trust-domain.ts";
import type { X509Svid, X509SvidResponse } from "./workload-proto.ts";

export interface SvidTexts {
  readonly origin: CredentialsOrigin;
  readonly texts: CredentialTexts;
}

/**
 * A trust domain whose federated bundle cannot be read is left out with a warning: a neighbour's fault must not keep our own
 * certificate from being renewed, and none of its members is trusted meanwhile.
 *
 * @param endpoint for messages
 * @throws CredentialsError for a message of which our own part cannot be used
 */
export function textsOf(endpoint: string, response: X509SvidResponse): SvidTexts {
  const [svid] = response.svids;
  if (svid === undefined) throw new CredentialsError(`${endpoint} sent no X.509-SVID: expected at least one`);
  const own = workloadDomainOf(svid.spiffe_id);
  if (own === undefined)
    throw new CredentialsError(
      `${endpoint} sent an X.509-SVID for '${svid.spiffe_id}', which is no SPIFFE ID of a workload: expected one such as spiffe://trust.domain/ns/foo`,
    );
  const named = (what: string): string => `${what} of ${svid.spiffe_id} from ${endpoint}`;
  const origin = { cert: named("X.509-SVID"), key: named("key"), ca: named("bundle"), crl: named("revocation lists") };
  const cert = certificatesIn(origin.cert, svid.x509_svid);
  judgeLeaf(origin.cert, svid, cert);
  const warnings: string[] = [];
  const bundles: Record<string, string> = { [own]: certificatesIn(origin.ca, svid.bundle) };
  for (const [id, der] of Object.entries(response.federated_bundles)) {
    try {
      const domain = trustDomainOf(id);
      if (domain === undefined || domain === own) throw new CredentialsError(`'${id}' names no other trust domain`);
      bundles[domain] = certificatesIn(`federated bundle of ${id} from ${endpoint}`, der);
    } catch (error) {
      if (!(error instanceof CredentialsError)) throw error;
      warnings.push(`${error.message}; nobody of that trust domain is trusted`);
    }
  }
  const texts: CredentialTexts = {
    cert,
    key: pemOf("PRIVATE KEY", svid.x509_svid_key),
    ca: Object.values(bundles).join(""),
    ...(response.crl.length > 0 && { crl: Buffer.concat(response.crl).toString("latin1") }),
    trustDomains: { own, bundles },
    warnings,
  };
  return { origin, texts };
}

/** The names that peers are shown are those of the certificate, so the message must not say another. */
function judgeLeaf(origin: string, { spiffe_id: id }: X509Svid, pem: string): void {
  const uris = sansOf(new X509Certificate(pem)).filter(({ type }) => type === "uri");
  if (uris.length !== 1 || uris[0]!.value !== id)
    throw new CredentialsError(
      `${origin} holds ${uris.map(({ value }) => `'${value}'`).join(", ") || "no URI name"}: expected the SPIFFE ID alone`,
    );
}

/** Concatenated DER to PEM. @throws CredentialsError for none, and for what is no certificate */
function certificatesIn(origin: string, der: Buffer): string {
  if (der.length === 0) throw new CredentialsError(`${origin} is empty: expected at least one certificate`);
  const blocks: string[] = [];
  try {
    for (let offset = 0; offset < der.length;) {
      const { end } = readElement(der, offset, der.length);
      blocks.push(new X509Certificate(der.subarray(offset, end)).toString());
      offset = end;
    }
  } catch (cause) {
    throw new CredentialsError(
      `Certificate ${blocks.length + 1} in ${origin} cannot be parsed: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
  return blocks.join("");
}

function pemOf(label: string, der: Buffer): string {
  return `-----BEGIN ${label}-----\n${der.toString("base64").replaceAll(/.{64}/g, "$&\n")}\n-----END ${label}-----\n`;
}
