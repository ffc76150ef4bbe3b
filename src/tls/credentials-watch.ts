/** Follows the credential files through their directories: a certificate manager replaces files, or a volume's `..data` link. */
import { dirname } from "node:path";
import type { TlsFiles } from "../config/config.ts";
import { DirectoryWatch } from "../files/directory-watch.ts";
import { checkCredentials } from "./check-credentials.ts";
import { CredentialsError } from "./credentials-error.ts";
import type { Credentials, CredentialTexts } from "./credentials.ts";
import { replacementOf } from "./replacement.ts";
import { readTexts } from "./read-credentials.ts";

/** Long enough for a writer to replace certificate and key one after the other. */
const SETTLE_MS = 200;
const POLL_MS = 10_000;

export interface CredentialsListener {
  readonly onCredentials: (credentials: Credentials) => void;
  /** What was read is not used, or not all of it; the former stays in force. Called once for each different failure. */
  readonly onFailure: (error: CredentialsError) => void;
  /** After a failure: the files are those in force again. */
  readonly onRecovery: () => void;
}

export interface CredentialsWatch {
  stop(): void;
}

/** @param current what is in force: the first change gets the next generation */
export function watchCredentials(
  files: TlsFiles,
  current: Credentials,
  listener: CredentialsListener,
): CredentialsWatch {
  const watcher = new Watcher(files, current, listener);
  watcher.start();
  return watcher;
}

class Watcher implements CredentialsWatch {
  readonly #files: TlsFiles;
  readonly #listener: CredentialsListener;
  #current: Credentials;
  /** Content that was accepted last. */
  #judged: string | undefined;
  #failure: string | undefined;
  readonly #watch = new DirectoryWatch({ settleMs: SETTLE_MS, pollMs: POLL_MS, read: () => this.#read() });

  constructor(files: TlsFiles, current: Credentials, listener: CredentialsListener) {
    this.#files = files;
    this.#current = current;
    this.#listener = listener;
  }

  start(): void {
    this.#watch.start();
    this.#watch.soon();
  }

  stop(): void {
    void this.#watch.stop();
  }

  async #read(): Promise<void> {
    const { cert, key, ca, crl } = this.#files;
    this.#watch.follow([cert, key, ca, ...(crl === undefined ? [] : [crl])].map((path) => dirname(path)));
    try {
      this.#judge(await readTexts(this.#files));
    } catch (error) {
      this.#fail(error);
    }
  }

  #judge(texts: CredentialTexts): void {
    const content = JSON.stringify(texts);
    if (this.#watch.stopped) return;
    if (content === this.#judged) {
      this.#recover();
      return;
    }
    const now = Date.now();
    const next = checkCredentials(this.#files, texts, this.#current.generation + 1, now);
    const { credentials, fault } = replacementOf(this.#current, next, this.#files, now);
    if (credentials !== undefined) {
      this.#current = credentials;
      this.#listener.onCredentials(credentials);
    }
    if (fault !== undefined) {
      // Looked at again with every poll: what is wrong now passes by itself.
      this.#judged = undefined;
      this.#fail(fault);
      return;
    }
    this.#judged = content;
    this.#recover();
  }

  #recover(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#listener.onRecovery();
  }

  #fail(error: unknown): void {
    const failure = error instanceof CredentialsError ? error : new CredentialsError(String(error), { cause: error });
    if (this.#watch.stopped || failure.message === this.#failure) return;
    this.#failure = failure.message;
    this.#listener.onFailure(failure);
  }
}
