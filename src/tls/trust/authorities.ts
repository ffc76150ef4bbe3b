/** The CAs of a trust bundle: which of its certificates end a path, and what cannot. */
import { hash, type X509Certificate } from "node:crypto";
import { limitsOf } from "./authority-limits.ts";
import { CredentialsError } from "../credentials-error.ts";
import { holderText } from "../x509/distinguished-name.ts";
import { isSelfSigned } from "../x509/self-signed.ts";
import { inDate } from "./trust.ts";
import type { TrustDomains } from "../credentials.ts";
import type { RevocationList } from "../revocation.ts";

export interface Authorities {
  /** Roots end a path; intermediates are ways to them. */
  readonly certificates: readonly X509Certificate[];
  readonly warnings: readonly string[];
}

/**
 * A certificate that is no CA is never an anchor, not even for itself: who may come in is said by principals. Nor is an
 * intermediate: OpenSSL takes it for one with X509_V_FLAG_PARTIAL_CHAIN alone, which Node's TLS server does not pass on.
 *
 * @throws CredentialsError when nobody's certificate could lead to this bundle
 */
export function judgeAuthorities(origin: string, bundle: readonly X509Certificate[], now: number): Authorities {
  const certificates = bundle.filter((certificate) => certificate.ca);
  if (certificates.length === 0)
    throw new CredentialsError(
      `${origin} holds no CA certificate: expected the mesh's root certificate (basicConstraints CA:TRUE); a leaf is not trusted by itself, name it in a policy's sources`,
    );
  const selfSigned = certificates.filter(isSelfSigned);
  if (selfSigned.length === 0)
    throw new CredentialsError(
      `${origin} holds no root, only ${certificates.map(nameOf).join(", ")}: add the certificate of the root above, without which nobody's certificate is verified`,
    );
  const roots = selfSigned.filter((root) => rootFault(root) === undefined);
  if (roots.length === 0)
    throw new CredentialsError(
      `${origin} holds no root that may vouch for callers: ${selfSigned.map((root) => `${nameOf(root)} ${rootFault(root)}`).join("; ")}`,
    );
  if (!roots.some((certificate) => inDate(certificate, now)))
    throw new CredentialsError(
      `${origin} holds no root that is in date (${roots.map(lifeOf).join("; ")}): provide the current one`,
    );
  const orphans = certificates.filter(
    (one) => !selfSigned.includes(one) && !certificates.some((other) => one.checkIssued(other)),
  );
  return {
    certificates,
    warnings: [
      ...bundle.filter((one) => !one.ca).map((one) => `${origin} holds ${nameOf(one)}, which is no CA: it is left out`),
      ...selfSigned
        .filter((one) => !roots.includes(one))
        .map(
          (one) => `${origin} holds the root ${nameOf(one)}, which ${rootFault(one)}: nobody is trusted for its sake`,
        ),
      ...certificates
        .filter((one) => !inDate(one, now))
        .map((one) => `${origin} holds a CA that is not in date: ${lifeOf(one)}`),
      ...orphans.map(
        (one) => `${origin} holds the intermediate ${nameOf(one)} without its root: nobody is trusted for its sake`,
      ),
    ],
  };
}

/** Why OpenSSL accepts no chain that ends at this root; `undefined` for a usable one. */
function rootFault(root: X509Certificate): string | undefined {
  const { weakKey, clientAuth } = limitsOf(root);
  if (weakKey) return "has a key that is too weak (RSA below 2048 bits)";
  return clientAuth ? undefined : "may not issue client certificates (extended key usage)";
}

/** The same for the same CAs and the same revocations, in whatever order they stand. Made once, where the set is read. */
export function trustDigest(
  certificates: readonly X509Certificate[],
  lists: readonly RevocationList[],
  domains?: TrustDomains,
): string {
  const ofList = ({ issuerKey = "", serials }: RevocationList): string =>
    `${issuerKey} ${hash("sha256", [...serials].sort().join(), "hex")}`;
  const ofDomain = ([name, roots]: readonly [string, ReadonlySet<string>]): string =>
    `${name === domains?.own ? "own " : ""}${name} ${[...roots].sort().join()}`;
  const parts = [
    ...certificates.map((one) => one.fingerprint256).sort(),
    ...lists.map(ofList).sort(),
    ...[...(domains?.anchors ?? [])].map(ofDomain).sort(),
  ];
  return hash("sha256", parts.join("\n"), "hex");
}

function lifeOf(certificate: X509Certificate): string {
  return `${nameOf(certificate)}, from ${certificate.validFromDate.toISOString()} to ${certificate.validToDate.toISOString()}`;
}

function nameOf(certificate: X509Certificate): string {
  return `'${holderText(certificate)}' (serial number ${certificate.serialNumber})`;
}
