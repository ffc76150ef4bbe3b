/**
 * Certificates and revocation lists of every kind of key, with any dates, order and constraints: for what `TestAuthority`,
 * which knows one kind of key and makes what is sound, cannot make.
 */
import { generateKeyPairSync, randomBytes, sign as signWith, type KeyObject } from "node:crypto";
import type { KeyPair } from "./authority.ts";
import { bits, boolean, der, integer, octets, oid, pem, sequence, set, text, time } from "./der-writer.ts";

export const KEY_KINDS = ["rsa", "rsa-pss", "p256", "p384", "p521", "ed25519"] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

export interface Keys {
  readonly kind: KeyKind;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface Made extends KeyPair {
  readonly subject: string;
  readonly keys: Keys;
  /** Hexadecimal. */
  readonly serial: string;
}

export interface CertificateOptions {
  /** Common name; empty: an empty name. */
  readonly subject: string;
  /** Absent: signed by itself. */
  readonly issuer?: Pick<Made, "subject" | "keys">;
  readonly keys?: Keys;
  readonly kind?: KeyKind;
  readonly ca?: boolean;
  readonly dns?: readonly string[];
  readonly uris?: readonly string[];
  /** Milliseconds from now. */
  readonly begins?: number;
  readonly ends?: number;
  readonly serial?: string;
  readonly pathLength?: number;
  readonly usage?: "client" | "server";
  readonly sha1?: boolean;
  /** Extensions of every certificate that this one lacks. */
  readonly omit?: readonly ("basicConstraints" | "keyUsage")[];
  /** What the key is said to do; a CA's to issue, a leaf's to sign, unless told. */
  readonly keyUsage?: keyof typeof KEY_USAGE;
  /** False: basic constraints are not critical. */
  readonly strict?: boolean;
  /** More extensions: object identifier, critical, content. */
  readonly extensions?: readonly (readonly [string, boolean, Buffer])[];
}

const HOUR_MS = 3_600_000;
/** Bits of the key usage extension, and how many of the byte do not count. */
const KEY_USAGE = { sign: [0x80, 7], issue: [0x06, 1], both: [0x86, 1] } as const;
const PSS = sequence(
  oid("1.2.840.113549.1.1.10"),
  sequence(
    der(0xa0, sequence(oid("2.16.840.1.101.3.4.2.1"))),
    der(0xa1, sequence(oid("1.2.840.113549.1.1.8"), sequence(oid("2.16.840.1.101.3.4.2.1")))),
    der(0xa2, integer("20")),
  ),
);

export function makeKeys(kind: KeyKind = "p256", bitsOfRsa = 2048): Keys {
  switch (kind) {
    case "rsa":
      return { kind, ...generateKeyPairSync("rsa", { modulusLength: bitsOfRsa }) };
    case "rsa-pss":
      return { kind, ...generateKeyPairSync("rsa-pss", { modulusLength: bitsOfRsa }) };
    case "ed25519":
      return { kind, ...generateKeyPairSync("ed25519") };
    case "p256":
    case "p384":
    case "p521":
      return { kind, ...generateKeyPairSync("ec", { namedCurve: `P-${kind.slice(1)}` }) };
  }
}

export function makeCertificate(options: CertificateOptions): Made {
  const { subject, begins = -HOUR_MS, ends = HOUR_MS, ca = false } = options;
  const serial = options.serial ?? `4${randomBytes(8).toString("hex").slice(1)}`;
  const keys = options.keys ?? makeKeys(options.kind);
  const issuer = options.issuer ?? { subject, keys };
  const algorithm = algorithmOf(issuer.keys.kind, options.sha1);
  const tbs = sequence(
    der(0xa0, integer("02")),
    integer(serial),
    algorithm,
    name(issuer.subject),
    sequence(time(new Date(Date.now() + begins)), time(new Date(Date.now() + ends))),
    name(subject),
    keys.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensionsOf(options, ca))),
  );
  const certificate = sequence(tbs, algorithm, bits(signatureOf(issuer.keys, tbs, options.sha1)));
  return {
    subject,
    keys,
    serial,
    certPem: pem("CERTIFICATE", certificate),
    keyPem: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

export interface ListOptions {
  /** Milliseconds from now. */
  readonly begins?: number;
  readonly ends?: number;
  /** More extensions: object identifier, critical, content. */
  readonly extensions?: readonly (readonly [string, boolean, Buffer])[];
}

/** A revocation list, DER. @param serials hexadecimal */
export function makeList(
  issuer: Pick<Made, "subject" | "keys">,
  serials: readonly string[] = [],
  { begins = -HOUR_MS, ends = HOUR_MS, extensions = [] }: ListOptions = {},
): Buffer {
  const algorithm = algorithmOf(issuer.keys.kind);
  const revokedAt = time(new Date(Date.now() - HOUR_MS));
  const tbs = sequence(
    integer("01"),
    algorithm,
    name(issuer.subject),
    time(new Date(Date.now() + begins)),
    time(new Date(Date.now() + ends)),
    ...(serials.length === 0 ? [] : [sequence(...serials.map((serial) => sequence(integer(serial), revokedAt)))]),
    der(
      0xa0,
      sequence(
        extension("2.5.29.20", false, integer("01")),
        ...extensions.map(([id, critical, content]) => extension(id, critical, content)),
      ),
    ),
  );
  return sequence(tbs, algorithm, bits(signatureOf(issuer.keys, tbs)));
}

export function listPem(list: Buffer): string {
  return pem("X509 CRL", list);
}

function name(commonName: string): Buffer {
  return commonName === "" ? sequence() : sequence(set(sequence(oid("2.5.4.3"), text(commonName))));
}

function extension(id: string, critical: boolean, content: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(content));
}

function extensionsOf(options: CertificateOptions, ca: boolean): readonly Buffer[] {
  const { dns = [], uris = [], pathLength, usage, extensions = [], omit = [], strict = true } = options;
  const [usageBits, unused] = KEY_USAGE[options.keyUsage ?? (ca ? "issue" : "sign")];
  const constraints = [
    ...(ca ? [boolean(true)] : []),
    ...(pathLength === undefined ? [] : [integer(pathLength.toString(16))]),
  ];
  const names = [
    ...dns.map((value) => der(0x82, Buffer.from(value))),
    ...uris.map((value) => der(0x86, Buffer.from(value))),
  ];
  const purpose = { client: "1.3.6.1.5.5.7.3.2", server: "1.3.6.1.5.5.7.3.1" };
  return [
    ...(omit.includes("basicConstraints") ? [] : [extension("2.5.29.19", strict, sequence(...constraints))]),
    ...(omit.includes("keyUsage") ? [] : [extension("2.5.29.15", true, bits(Buffer.from([usageBits]), unused))]),
    ...(usage === undefined ? [] : [extension("2.5.29.37", false, sequence(oid(purpose[usage])))]),
    ...(names.length === 0 ? [] : [extension("2.5.29.17", false, sequence(...names))]),
    ...extensions.map(([id, critical, content]) => extension(id, critical, content)),
  ];
}

function algorithmOf(kind: KeyKind, sha1 = false): Buffer {
  const none = der(0x05);
  switch (kind) {
    case "rsa":
      return sequence(oid(sha1 ? "1.2.840.113549.1.1.5" : "1.2.840.113549.1.1.11"), none);
    case "rsa-pss":
      return PSS;
    case "p256":
      return sequence(oid(sha1 ? "1.2.840.10045.4.1" : "1.2.840.10045.4.3.2"));
    case "p384":
      return sequence(oid("1.2.840.10045.4.3.3"));
    case "p521":
      return sequence(oid("1.2.840.10045.4.3.4"));
    case "ed25519":
      return sequence(oid("1.3.101.112"));
  }
}

function signatureOf({ kind, privateKey }: Keys, content: Buffer, sha1 = false): Buffer {
  const digests = { rsa: "sha256", "rsa-pss": "sha256", p256: "sha256", p384: "sha384", p521: "sha512" } as const;
  if (kind === "ed25519") return signWith(null, content, privateKey);
  const digest = sha1 ? "sha1" : digests[kind];
  return signWith(digest, content, kind === "rsa-pss" ? { key: privateKey, saltLength: 32 } : privateKey);
}
