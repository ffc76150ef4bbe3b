/** A mesh CA that lives in a directory: `ca.crt`, `ca.key`, and NAME.crt, NAME.key for every certificate. */
import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { readTextFile } from "../files/read-text.ts";
import { createAuthority, issueCertificate, type Authority, type CertificateRequest } from "./authority.ts";

/** What an operator must mend; the message names the file. */
export class PkiError extends Error {
  override readonly name = "PkiError";
}

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Makes the CA. @throws PkiError when there is one already: overwriting it would break whatever trusts it */
export async function initAuthority(directory: string, commonName?: string): Promise<CertificateFiles> {
  const files = filesOf(directory, "ca");
  for (const path of [files.cert, files.key]) {
    if (await exists(path))
      throw new PkiError(
        `${path} exists already: choose another --dir, or remove the CA first if nothing trusts it any more`,
      );
  }
  await makeDirectory(directory);
  await writePair(files, createAuthority(commonName === undefined ? {} : { commonName }));
  return files;
}

/**
 * Makes a directory and the ones above it, from the top. Node's own `recursive` never ends where a file system says ENOENT
 * for a name that it does not want to have (`/proc/x`).
 */
async function makeDirectory(path: string): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(path); !(await exists(at)); at = dirname(at)) missing.push(at);
  for (const directory of missing.toReversed()) {
    await mkdir(directory).catch((error: NodeJS.ErrnoException) => {
      // Another process may have made it in between.
      if (error.code !== "EEXIST") throw error;
    });
  }
}

/** @throws PkiError when the directory holds no CA */
async function readAuthority(directory: string): Promise<Authority> {
  const files = filesOf(directory, "ca");
  try {
    return { certPem: await readTextFile(files.cert), keyPem: await readTextFile(files.key) };
  } catch (cause) {
    throw new PkiError(
      `${directory} holds no CA (${cause instanceof Error ? cause.message : String(cause)}): make one with 'postern pki init --dir ${directory}'`,
      { cause },
    );
  }
}

/** Issues NAME.crt and NAME.key, replacing former ones. @throws PkiError for a name that is no file name or a missing CA */
export async function issueInto(
  directory: string,
  name: string,
  request: CertificateRequest,
): Promise<CertificateFiles> {
  if (!FILE_NAME.test(name) || name === "ca")
    throw new PkiError(`--name has the value '${name}'; expected letters, digits, dots and dashes, and not 'ca'`);
  const files = filesOf(directory, name);
  await writePair(files, issueBy(await readAuthority(directory), directory, request));
  return files;
}

function issueBy(
  authority: Parameters<typeof issueCertificate>[0],
  directory: string,
  request: CertificateRequest,
): ReturnType<typeof issueCertificate> {
  try {
    return issueCertificate(authority, request);
  } catch (cause) {
    throw new PkiError(
      `${filesOf(directory, "ca").cert} and its key cannot be used: ${cause instanceof Error ? cause.message : String(cause)}; expected PEM files of 'postern pki init'`,
      { cause },
    );
  }
}

function filesOf(directory: string, name: string): CertificateFiles {
  return { cert: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
}

/** The key first: whoever sees the new certificate finds its key. */
async function writePair(
  files: CertificateFiles,
  pair: { readonly certPem: string; readonly keyPem: string },
): Promise<void> {
  await replaceFile(files.key, pair.keyPem, 0o600);
  await replaceFile(files.cert, pair.certPem, 0o644);
}

async function replaceFile(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.new`;
  // What is left there, or put there by another, is never written into: a pipe would wait for its reader.
  await rm(temporary, { force: true });
  await writeFile(temporary, text, { mode, flag: "wx" });
  await rename(temporary, path);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
