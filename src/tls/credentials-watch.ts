/**
 * Follows the credential files. The directories are watched, never the files: a secret volume replaces its `..data` link,
 * and a watch on a file goes silent after the first swap. A slow poll catches what a watch misses.
 */
import { watch, type FSWatcher } from "node:fs";
import { dirname } from "node:path";
import type { TlsFiles } from "../config/config.ts";
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
  #watchers: FSWatcher[] = [];
  #settle: NodeJS.Timeout | undefined;
  #poll: NodeJS.Timeout | undefined;
  #reading = false;
  #stopped = false;

  constructor(files: TlsFiles, current: Credentials, listener: CredentialsListener) {
    this.#files = files;
    this.#current = current;
    this.#listener = listener;
  }

  start(): void {
    const paths = [
      this.#files.cert,
      this.#files.key,
      this.#files.ca,
      ...(this.#files.crl === undefined ? [] : [this.#files.crl]),
    ];
    for (const directory of new Set(paths.map((path) => dirname(path)))) {
      try {
        const watcher = watch(directory, { persistent: false }, () => this.#soon());
        // A directory that goes away ends its watch; the poll goes on.
        watcher.on("error", () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // Out of watches, or the directory is gone: the poll goes on.
      }
    }
    this.#poll = setInterval(() => this.#soon(), POLL_MS).unref();
    this.#soon();
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    for (const watcher of this.#watchers) watcher.close();
  }

  #soon(): void {
    if (this.#stopped) return;
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => void this.#read(), SETTLE_MS).unref();
  }

  async #read(): Promise<void> {
    if (this.#reading) return this.#soon();
    this.#reading = true;
    try {
      this.#judge(await readTexts(this.#files));
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#reading = false;
    }
  }

  #judge(texts: CredentialTexts): void {
    const content = JSON.stringify(texts);
    if (this.#stopped || content === this.#judged) return;
    const credentials = checkCredentials(this.#files, texts, this.#current.generation + 1, Date.now());
    this.#judged = content;
    this.#failure = undefined;
    if (sameMaterial(credentials, this.#current)) return;
    this.#current = credentials;
    this.#listener.onCredentials(credentials);
  }

  #fail(error: unknown): void {
    const failure = error instanceof CredentialsError ? error : new CredentialsError(String(error), { cause: error });
    if (this.#stopped || failure.message === this.#failure) return;
    this.#failure = failure.message;
    this.#listener.onFailure(failure);
  }
}

function sameMaterial(a: Credentials, b: Credentials): boolean {
  return a.cert === b.cert && a.key === b.key && a.ca === b.ca && a.crl === b.crl;
}
