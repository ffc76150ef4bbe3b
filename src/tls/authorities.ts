/** The CAs of --tls-ca: which of its certificates end a path, and what cannot. */
import { hash, type X509Certificate } from "node:crypto";
import { CredentialsError } from "./credentials-error.ts";
import { inDate, isSelfSigned } from "./trust.ts";
import type { RevocationList } from "./revocation.ts";

export interface Authorities {
  readonly certificates: readonly X509Certificate[];
  /** An intermediate stands there without its issuer: for Envoy and Go it is an anchor, for OpenSSL only where told. */
  readonly partialChain: boolean;
  readonly warnings: readonly string[];
}

/**
 * A certificate that is no CA is never an anchor, not even for itself: who may come in is said by principals.
 *
 * @throws CredentialsError when nobody's certificate could lead to this bundle
 */
export function judgeAuthorities(path: string, bundle: readonly X509Certificate[], now: number): Authorities {
  const certificates = bundle.filter((certificate) => certificate.ca);
  if (certificates.length === 0)
    throw new CredentialsError(
      `--tls-ca ${path} holds no CA certificate: expected the mesh's root certificate (basicConstraints CA:TRUE); a leaf is not trusted by itself, name it in a policy's sources`,
    );
  if (!certificates.some((certificate) => inDate(certificate, now)))
    throw new CredentialsError(
      `--tls-ca ${path} holds no CA certificate that is in date (${certificates.map(lifeOf).join("; ")}): provide the current one`,
    );
  const orphans = certificates.filter(
    (one) => !isSelfSigned(one) && !certificates.some((other) => other !== one && one.checkIssued(other)),
  );
  return {
    certificates,
    partialChain: orphans.length > 0,
    warnings: [
      ...bundle
        .filter((one) => !one.ca)
        .map((one) => `--tls-ca ${path} holds ${nameOf(one)}, which is no CA: it is left out`),
      ...certificates
        .filter((one) => !inDate(one, now))
        .map((one) => `--tls-ca ${path} holds a CA that is not in date: ${lifeOf(one)}`),
      ...orphans.map(
        (one) =>
          `--tls-ca ${path} holds ${nameOf(one)} without its issuer: it is trusted as it is, and no CA above it is asked`,
      ),
    ],
  };
}

/** The same for the same CAs and the same revocations, in whatever order they stand. Made once, where the set is read. */
export function trustDigest({ certificates, partialChain }: Authorities, lists: readonly RevocationList[]): string {
  const ofList = ({ issuerKey = "", serials }: RevocationList): string =>
    `${issuerKey} ${hash("sha256", [...serials].sort().join(), "hex")}`;
  const parts = [...certificates.map((one) => one.fingerprint256).sort(), ...lists.map(ofList).sort()];
  return hash("sha256", [String(partialChain), ...parts].join("\n"), "hex");
}

function lifeOf(certificate: X509Certificate): string {
  return `${nameOf(certificate)}, from ${certificate.validFromDate.toISOString()} to ${certificate.validToDate.toISOString()}`;
}

function nameOf({ subject, serialNumber }: X509Certificate): string {
  return `'${subject.replaceAll("\n", ", ")}' (serial number ${serialNumber})`;
}
