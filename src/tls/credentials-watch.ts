/** Follows the credential files through their directories: a certificate manager replaces files, or a volume's `..data` link. */
import { dirname } from "node:path";
import type { TlsFiles } from "../config/config.ts";
import { DirectoryWatch } from "../files/directory-watch.ts";
import { checkCredentials } from "./check-credentials.ts";
import { CredentialsError } from "./credentials-error.ts";
import type { Credentials, CredentialTexts } from "./credentials.ts";
import { readTexts } from "./read-credentials.ts";

/** Long enough for a writer to replace certificate and key one after the other. */
const SETTLE_MS = 200;
const POLL_MS = 10_000;

export interface CredentialsListener {
  readonly onCredentials: (credentials: Credentials) => void;
  /** The former credentials stay in force. Called once for each different failure. */
  readonly onFailure: (error: CredentialsError) => void;
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
    if (this.#watch.stopped || content === this.#judged) return;
    const credentials = checkCredentials(this.#files, texts, this.#current.generation + 1, Date.now());
    this.#judged = content;
    this.#failure = undefined;
    if (sameMaterial(credentials, this.#current)) return;
    this.#current = credentials;
    this.#listener.onCredentials(credentials);
  }

  #fail(error: unknown): void {
    const failure = error instanceof CredentialsError ? error : new CredentialsError(String(error), { cause: error });
    if (this.#watch.stopped || failure.message === this.#failure) return;
    this.#failure = failure.message;
    this.#listener.onFailure(failure);
  }
}

function sameMaterial(a: Credentials, b: Credentials): boolean {
  return a.cert === b.cert && a.key === b.key && a.ca === b.ca && a.crl === b.crl;
}
