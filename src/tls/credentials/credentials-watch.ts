/** Follows the credential files through their directories: a certificate manager replaces files, or a volume's `..data` link. */
import { dirname } from "node:path";
import type { TlsFiles } from "../../config/config.ts";
import { DirectoryWatch } from "../../files/directory-watch.ts";
import { CredentialsInForce } from "./credentials-in-force.ts";
import type { CredentialsListener, CredentialsSource, CredentialsWatch } from "./credentials-source.ts";
import type { Credentials } from "../credentials.ts";
import { originOf, readCredentials, readTexts, readTrustTexts } from "./read-credentials.ts";

/** Long enough for a writer to replace certificate and key one after the other. */
const SETTLE_MS = 100;
const POLL_MS = 10_000;

export function credentialFiles(files: TlsFiles): CredentialsSource {
  return {
    words: {
      failure: "new certificate files cannot be used; the former ones stay in force",
      recovery: "certificate files can be used again",
      warning: "certificate files",
    },
    first: () => readCredentials(files, 1),
    follow: (current, listener) => watchCredentials(files, current, listener),
  };
}

/** @param current what is in force: the first change gets the next generation */
export function watchCredentials(
  files: TlsFiles,
  current: Credentials | undefined,
  listener: CredentialsListener,
): CredentialsWatch {
  const inForce = new CredentialsInForce(current, listener);
  const { cert, key, ca, crl } = files;
  const directories = [cert, key, ca, ...(crl === undefined ? [] : [crl])].map((path) => dirname(path));
  const read = async (): Promise<void> => {
    watch.follow(directories);
    const origin = originOf(files);
    try {
      const texts = await readTexts(files);
      if (!watch.stopped) inForce.offer(origin, texts);
    } catch (error) {
      const trust = await readTrustTexts(files);
      if (watch.stopped) return;
      inForce.takeAway(origin, trust);
      inForce.fail(error);
    }
  };
  const watch = new DirectoryWatch({ settleMs: SETTLE_MS, pollMs: POLL_MS, read });
  watch.start();
  watch.soon();
  return { stop: () => void watch.stop() };
}
