/** Certificate, key and trust bundle from files, read as one generation. */
import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { TlsFiles } from "../../config/config.ts";
import { VOLUME_LINK } from "../../files/mounted-volume.ts";
import { readTextFile } from "../../files/read-text.ts";
import { checkCredentials } from "./check-credentials.ts";
import { CredentialsError } from "../credentials-error.ts";
import type { Credentials, CredentialsOrigin, CredentialTexts } from "../credentials.ts";
import type { TrustTexts } from "../trust/taken-away.ts";

interface TextForm {
  readonly most: number;
  readonly encoding: "utf8" | "latin1";
}

/** A Kubernetes Secret holds no more; a bundle of all public roots has a quarter of it. */
const PEM: TextForm = { most: 2 ** 20, encoding: "utf8" };
/** About a million revoked certificates. */
const LIST: TextForm = { most: 2 ** 25, encoding: "latin1" };

/** @throws CredentialsError naming the first file that cannot be used */
export async function readCredentials(files: TlsFiles, generation: number): Promise<Credentials> {
  return checkCredentials(originOf(files), await readTexts(files), generation, Date.now());
}

export function originOf({ cert, key, ca, crl, expiredLists }: TlsFiles): CredentialsOrigin {
  return {
    cert: `--tls-cert ${cert}`,
    key: `--tls-key ${key}`,
    ca: `--tls-ca ${ca}`,
    ...(crl !== undefined && { crl: `--tls-crl ${crl}` }),
    ...(expiredLists !== undefined && { expiredLists }),
  };
}

/**
 * Reads all files of one generation. A Kubernetes secret volume swaps its `..data` link as a whole, so files are read
 * through the link's target, resolved once: a certificate never meets the key of another generation.
 *
 * @throws CredentialsError for a file that cannot be read
 */
export async function readTexts(files: TlsFiles): Promise<CredentialTexts> {
  const read = textReader();
  const crl = files.crl === undefined ? undefined : await read("--tls-crl", files.crl, LIST);
  return {
    cert: await read("--tls-cert", files.cert),
    key: await read("--tls-key", files.key),
    ca: await read("--tls-ca", files.ca),
    ...(crl !== undefined && { crl }),
  };
}

/** CAs and lists by themselves, each as far as it can be read. */
export async function readTrustTexts({ ca, crl }: TlsFiles): Promise<TrustTexts> {
  const read = textReader();
  const [caText, crlText] = await Promise.all([
    read("--tls-ca", ca).catch(() => undefined),
    crl === undefined ? undefined : read("--tls-crl", crl, LIST).catch(() => undefined),
  ]);
  return { ...(caText !== undefined && { ca: caText }), ...(crlText !== undefined && { crl: crlText }) };
}

/** Reads files of one generation: the target of a `..data` link is resolved once. */
function textReader(): (flag: string, path: string, form?: TextForm) => Promise<string> {
  const targets = new Map<string, Promise<string>>();
  const resolve = (directory: string): Promise<string> => {
    const known = targets.get(directory);
    if (known !== undefined) return known;
    // No `..data`: an ordinary directory.
    const target = realpath(join(directory, VOLUME_LINK)).catch(() => directory);
    targets.set(directory, target);
    return target;
  };
  return async (flag, path, form = PEM) => {
    try {
      return await readTextFile(join(await resolve(dirname(path)), basename(path)), form);
    } catch (cause) {
      throw new CredentialsError(
        `Cannot read ${flag} ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  };
}
