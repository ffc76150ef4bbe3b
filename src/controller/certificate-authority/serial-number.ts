/** Serial numbers of certificates. */
import { randomBytes } from "node:crypto";

/** 127 random bits, positive and not zero (RFC 5280 section 4.1.2.2), hexadecimal. */
export function serialNumber(): string {
  return `4${randomBytes(16).toString("hex").slice(1)}`;
}
