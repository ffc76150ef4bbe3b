/** The credentials in force, from their files to the log: read once, followed, and warned of before they end. */
import type { TlsFiles } from "../config/config.ts";
import type { Log } from "../telemetry/log.ts";
import { credentialsFault, lifeStage, type CredentialsFault, type LifeStage } from "./credentials-life.ts";
import { watchCredentials, type CredentialsWatch } from "./credentials-watch.ts";
import type { Credentials } from "./credentials.ts";
import { readCredentials } from "./read-credentials.ts";
import { endOfLists } from "./replacement.ts";

/** How often the dates of our own certificate and of the revocation lists are looked at. */
const LIFE_CHECK_MS = 1_000;

export class OwnCredentials {
  readonly #files: TlsFiles;
  readonly #log: Log;
  #current: Credentials;
  #failures = 0;
  #problem: string | undefined;
  #stage: LifeStage = "good";
  #fault: CredentialsFault | undefined;
  #watch: CredentialsWatch | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(files: TlsFiles, log: Log, current: Credentials) {
    this.#files = files;
    this.#log = log;
    this.#current = current;
  }

  /** @throws CredentialsError naming the first file that cannot be used */
  static async read(files: TlsFiles, log: Log): Promise<OwnCredentials> {
    const current = await readCredentials(files, 1);
    log.info(factsOf(current), "certificate loaded");
    const own = new OwnCredentials(files, log, current);
    own.#warn();
    return own;
  }

  get current(): Credentials {
    return this.#current;
  }

  /** Files that could not be used, since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** What is wrong with the files as they are now; those of before are in force. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Why nobody can be served by what is in force. */
  get fault(): CredentialsFault | undefined {
    return credentialsFault(this.#current, Date.now());
  }

  /** @param onCredentials called with whatever takes the place of those in force */
  follow(onCredentials: (credentials: Credentials) => void): void {
    this.#timer = setInterval(() => this.#checkLife(), LIFE_CHECK_MS).unref();
    this.#watch = watchCredentials(this.#files, this.#current, {
      onCredentials: (credentials) => {
        this.#current = credentials;
        onCredentials(credentials);
        this.#log.info({ generation: credentials.generation, ...factsOf(credentials) }, "certificate replaced");
        this.#warn();
      },
      onFailure: ({ message }) => {
        this.#failures += 1;
        this.#problem = message;
        this.#log.error({ problem: message }, "new certificate files cannot be used; the former ones stay in force");
      },
      onRecovery: () => {
        this.#problem = undefined;
        this.#log.info({}, "certificate files can be used again");
      },
    });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#watch?.stop();
  }

  #warn(): void {
    for (const problem of this.#current.warnings) this.#log.warn({ problem }, "certificate files");
    this.#stage = "good";
    this.#fault = undefined;
    this.#checkLife();
  }

  /** Says once of each certificate that it comes to its end, and of each list that it has ended. */
  #checkLife(): void {
    const { fault } = this;
    const stage = lifeStage(this.#current, Date.now());
    if (stage !== this.#stage && (stage === "third" || stage === "tenth"))
      this.#log.warn(
        factsOf(this.#current),
        `less than a ${stage} of the certificate's life is left: it should have been renewed`,
      );
    if (fault !== this.#fault && fault !== undefined) this.#log.error(factsOf(this.#current), `${fault}: not ready`);
    this.#stage = stage;
    this.#fault = fault;
  }
}

function factsOf(credentials: Credentials): Readonly<Record<string, unknown>> {
  const listsEnd = endOfLists(credentials);
  return {
    names: credentials.names,
    notBefore: new Date(credentials.notBefore).toISOString(),
    notAfter: new Date(credentials.notAfter).toISOString(),
    ...(Number.isFinite(listsEnd) && { listsEnd: new Date(listsEnd).toISOString() }),
  };
}
