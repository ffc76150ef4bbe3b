/**
 * A new key, which never leaves this process's memory, and the PKCS#10 request for its certificate (RFC 2986). It is written
 * here because the one form that is needed is short, and the library that the controller reads it with would cost every
 * sidecar about 25 MB of memory; a test holds the two together.
 */
import { generateKeyPairSync, sign } from "node:crypto";

export interface KeyAndRequest {
  /** PKCS#8, PEM. */
  readonly key: string;
  /** PEM. */
  readonly request: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const OCTET_STRING = 0x04;
const BIT_STRING = 0x03;
/** `[0]` of CertificationRequestInfo. */
const ATTRIBUTES = 0xa0;
/** `[2]` of GeneralName. */
const DNS_NAME = 0x82;

const VERSION_1 = Buffer.from("020100", "hex");
/** 1.2.840.113549.1.9.14 */
const EXTENSION_REQUEST = Buffer.from("06092a864886f70d01090e", "hex");
/** 2.5.29.17 */
const SUBJECT_ALT_NAME = Buffer.from("0603551d11", "hex");
/** 1.2.840.10045.4.3.2 */
const ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");

/** @param name the only DNS SAN; what else a certificate says is its issuer's to decide */
export function newKeyAndRequest(name: string): KeyAndRequest {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const names = der(SEQUENCE, der(DNS_NAME, Buffer.from(name, "ascii")));
  const extension = der(SEQUENCE, SUBJECT_ALT_NAME, der(OCTET_STRING, names));
  const info = der(
    SEQUENCE,
    VERSION_1,
    // No subject.
    der(SEQUENCE),
    publicKey.export({ type: "spki", format: "der" }),
    der(ATTRIBUTES, der(SEQUENCE, EXTENSION_REQUEST, der(SET, der(SEQUENCE, extension)))),
  );
  const signature = der(BIT_STRING, Buffer.of(0), sign("sha256", info, privateKey));
  const request = der(SEQUENCE, info, der(SEQUENCE, ECDSA_WITH_SHA256), signature);
  const lines = request.toString("base64").replace(/.{64}/g, "$&\n").trim();
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    request: `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`,
  };
}

/** One element, of less than 65,536 bytes. */
function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
