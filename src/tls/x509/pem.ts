/** PEM files hold any number of blocks among comments. */

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** Every certificate block of a PEM text, in order. */
export function splitPem(text: string): readonly string[] {
  return text.match(CERTIFICATE) ?? [];
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[A-Za-z0-9+/=\s]*-----END \1-----/g;

/**
 * What tells that a PEM text is not all that somebody wrote: a block that is cut off or damaged would otherwise be passed over,
 * and with a revocation list those whom it revokes would be let in.
 *
 * @returns `undefined` when there is nothing but whole blocks and comments
 */
export function pemFault(text: string): string | undefined {
  const comments = text.replaceAll(BLOCK, "");
  if (/-----(?:B|E)/.test(comments)) return "a PEM block is cut off, or holds what is no base64";
  if (/[^\t\n\r\x20-\x7e\x80-\u{10ffff}]/u.test(comments))
    return "bytes that are no text stand between or behind the PEM blocks";
  return undefined;
}
