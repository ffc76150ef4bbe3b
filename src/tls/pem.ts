/** PEM files hold any number of blocks among comments. */

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** Every certificate block of a PEM text, in order. */
export function splitPem(text: string): readonly string[] {
  return text.match(CERTIFICATE) ?? [];
}
