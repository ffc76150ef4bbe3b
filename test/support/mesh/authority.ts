/**
 * A certificate authority for tests: elliptic keys for speed, any name that X.509 can carry, and revocation lists. The
 * product's own `pki` is not used here: a fault of it would be on both sides of a test.
 */
// @peculiar/x509 finds its parts by decorators.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from "@peculiar/x509";

/** Certificate (its chain behind it) and key, PEM. */
export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface LeafOptions {
  /** `dns:a.b`, `uri:spiffe://…`, `ip:127.0.0.1`, `email:a@b`, in the order of the certificate. */
  readonly sans?: readonly string[];
  /** RFC 4514 form. */
  readonly subject?: string;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly usages?: readonly ("client" | "server")[];
  readonly serialNumber?: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const HOUR_MS = 3_600_000;

export class TestAuthority {
  readonly certificate: X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;
  /** Certificates up to, but without, the root. */
  readonly #chain: readonly X509Certificate[];

  private constructor(certificate: X509Certificate, keys: webcrypto.CryptoKeyPair, chain: readonly X509Certificate[]) {
    this.certificate = certificate;
    this.#keys = keys;
    this.#chain = chain;
  }

  static async create(subject = "CN=test mesh CA"): Promise<TestAuthority> {
    const keys = await generateKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      serialNumber: "01",
      name: subject,
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + 24 * HOUR_MS),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: authorityExtensions(),
    });
    return new TestAuthority(certificate, keys, []);
  }

  get certPem(): string {
    return pem(this.certificate);
  }

  /** Its own certificate and key, its chain behind it. */
  async authorityPair(): Promise<KeyPair> {
    const chain = this.#chain.length > 0 ? this.#chain : [this.certificate];
    return { certPem: chain.map(pem).join(""), keyPem: await exportKey(this.#keys.privateKey) };
  }

  /** An authority below this one. */
  async intermediate(subject = "CN=test intermediate CA", notAfter?: Date): Promise<TestAuthority> {
    const keys = await generateKeys();
    const life = { subject, ...(notAfter !== undefined && { notAfter }) };
    const certificate = await this.#sign(keys.publicKey, life, authorityExtensions());
    return new TestAuthority(certificate, keys, [certificate, ...this.#chain]);
  }

  async issue(options: LeafOptions = {}): Promise<KeyPair> {
    const keys = await generateKeys();
    const { usages = ["client", "server"], sans = [] } = options;
    const extensions: Extension[] = [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...(usages.length > 0 ? [new ExtendedKeyUsageExtension(usages.map(usageOf))] : []),
      ...(sans.length > 0 ? [new SubjectAlternativeNameExtension(sans.map(generalName))] : []),
    ];
    const certificate = await this.#sign(keys.publicKey, options, extensions);
    return { certPem: [certificate, ...this.#chain].map(pem).join(""), keyPem: await exportKey(keys.privateKey) };
  }

  /** A revocation list, PEM, that names these serial numbers (hexadecimal). */
  async revoke(serialNumbers: readonly string[]): Promise<string> {
    const list = await X509CrlGenerator.create({
      issuer: this.certificate.subjectName,
      thisUpdate: new Date(Date.now() - HOUR_MS),
      nextUpdate: new Date(Date.now() + HOUR_MS),
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      entries: serialNumbers.map((serialNumber) => ({ serialNumber, revocationDate: new Date() })),
    });
    // The library writes another PEM label than RFC 7468 section 6 has.
    return `${list.toString("pem").replaceAll("CRL-----", "X509 CRL-----")}\n`;
  }

  async #sign(publicKey: webcrypto.CryptoKey, options: LeafOptions, extensions: Extension[]): Promise<X509Certificate> {
    const { subject = "CN=leaf", notBefore, notAfter, serialNumber = serial() } = options;
    return X509CertificateGenerator.create({
      serialNumber,
      subject,
      issuer: this.certificate.subjectName,
      notBefore: notBefore ?? new Date(Date.now() - HOUR_MS),
      notAfter: notAfter ?? new Date(Date.now() + 24 * HOUR_MS),
      publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      extensions: [...extensions, await AuthorityKeyIdentifierExtension.create(this.certificate.publicKey)],
    });
  }
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function authorityExtensions(): Extension[] {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
}

function usageOf(usage: "client" | "server"): string {
  return usage === "client" ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth;
}

function generalName(san: string): JsonGeneralNames[number] {
  const [type = "", ...rest] = san.split(":");
  const value = rest.join(":");
  switch (type) {
    case "dns":
    case "ip":
    case "email":
      return { type, value };
    case "uri":
      return { type: "url", value };
    default:
      throw new RangeError(`no such kind of name: ${san}`);
  }
}

function serial(): string {
  return `4${Buffer.from(webcrypto.getRandomValues(new Uint8Array(8)))
    .toString("hex")
    .slice(1)}`;
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return `-----BEGIN PRIVATE KEY-----\n${der.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END PRIVATE KEY-----\n`;
}
