/**
 * A mesh CA for demonstrations and trials, and certificates of it as OSM issues them: RSA 2048, the name as CN and DNS SAN,
 * for clients and servers alike. Never on the data path: node-forge sees nothing but what is made here.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import forge from "node-forge";

export interface Authority {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface IssuedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface CertificateRequest {
  /** Defaults to the first DNS name, or the first URI. */
  readonly commonName?: string;
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly usages?: readonly ("client" | "server")[];
}

const DAY_MS = 86_400_000;
/** Clocks differ: a certificate that begins a little earlier is accepted at once. */
const BACKDATE_MS = 300_000;
const ORGANIZATION = "Postern demo mesh";

/** A new self-signed mesh CA, good for `days`. */
export function createAuthority({
  commonName = "postern-demo-ca",
  days = 3650,
}: { readonly commonName?: string; readonly days?: number } = {}): Authority {
  const { certificate, keyPem, privateKey } = begin(
    commonName,
    new Date(Date.now() - BACKDATE_MS),
    new Date(Date.now() + days * DAY_MS),
  );
  certificate.setIssuer(certificate.subject.attributes);
  certificate.setExtensions([
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    { name: "subjectKeyIdentifier" },
  ]);
  certificate.sign(privateKey, forge.md.sha256.create());
  return { certPem: forge.pki.certificateToPem(certificate), keyPem };
}

/**
 * A certificate of the CA, good for a day unless told otherwise (OSM's own service certificates are).
 * @throws RangeError when the request names nobody
 */
export function issueCertificate(authority: Authority, request: CertificateRequest): IssuedCertificate {
  const { dnsNames = [], uris = [], usages = ["client", "server"] } = request;
  const commonName = request.commonName ?? dnsNames[0] ?? uris[0];
  if (commonName === undefined)
    throw new RangeError("Cannot issue a certificate without a name: give at least one DNS name, URI or common name");
  const ca = forge.pki.certificateFromPem(authority.certPem);
  const { certificate, keyPem } = begin(
    commonName,
    request.notBefore ?? new Date(Date.now() - BACKDATE_MS),
    request.notAfter ?? new Date(Date.now() + DAY_MS),
  );
  certificate.setIssuer(ca.subject.attributes);
  const altNames = [...dnsNames.map((value) => ({ type: 2, value })), ...uris.map((value) => ({ type: 6, value }))];
  certificate.setExtensions([
    { name: "basicConstraints", cA: false, critical: true },
    { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
    { name: "extKeyUsage", clientAuth: usages.includes("client"), serverAuth: usages.includes("server") },
    ...(altNames.length > 0 ? [{ name: "subjectAltName", altNames }] : []),
    { name: "subjectKeyIdentifier" },
    { name: "authorityKeyIdentifier", keyIdentifier: ca.generateSubjectKeyIdentifier().getBytes() },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(authority.keyPem), forge.md.sha256.create());
  return { certPem: forge.pki.certificateToPem(certificate), keyPem };
}

interface Draft {
  readonly certificate: forge.pki.Certificate;
  readonly keyPem: string;
  readonly privateKey: forge.pki.rsa.PrivateKey;
}

function begin(commonName: string, notBefore: Date, notAfter: Date): Draft {
  // Node's key generation is native; forge's own takes seconds.
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(pair.publicKey);
  // Positive and non-zero (RFC 5280 section 4.1.2.2).
  certificate.serialNumber = `4${randomBytes(15).toString("hex").slice(1)}`;
  certificate.validity.notBefore = notBefore;
  certificate.validity.notAfter = notAfter;
  certificate.setSubject([
    { name: "commonName", value: commonName },
    { name: "organizationName", value: ORGANIZATION },
  ]);
  return { certificate, keyPem: pair.privateKey, privateKey: forge.pki.privateKeyFromPem(pair.privateKey) };
}
