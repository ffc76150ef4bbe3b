/** The credentials in force, from their source to the log: read once, followed, and warned of before they end. */
import type { Log } from "../../telemetry/log.ts";
import { credentialsFault, lifeStage, type CredentialsFault, type LifeStage } from "./credentials-life.ts";
import type { CredentialsSource, CredentialsWatch } from "./credentials-source.ts";
import type { Credentials } from "../credentials.ts";
import { FailureLines } from "./failure-lines.ts";
import { endOfLists } from "./replacement.ts";

/** How often the dates of our own certificate and of the revocation lists are looked at. */
const LIFE_CHECK_MS = 1_000;

export class OwnCredentials {
  readonly #source: CredentialsSource;
  readonly #log: Log;
  readonly #failureLines: FailureLines;
  #current: Credentials | undefined;
  #failures = 0;
  #problem: string | undefined;
  #stage: LifeStage = "good";
  #fault: CredentialsFault | undefined;
  #watch: CredentialsWatch | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(source: CredentialsSource, log: Log, current: Credentials | undefined) {
    this.#source = source;
    this.#log = log;
    this.#failureLines = new FailureLines(log, source.words.failure);
    this.#current = current;
  }

  /** @throws CredentialsError for what must be mended before anything is served */
  static async read(source: CredentialsSource, log: Log): Promise<OwnCredentials> {
    const current = await source.first();
    if (current !== undefined) log.info(factsOf(current), "certificate loaded");
    const own = new OwnCredentials(source, log, current);
    own.#warn();
    return own;
  }

  get current(): Credentials | undefined {
    return this.#current;
  }

  /** How often what the source gave could not be used, since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** What is wrong with what the source gives now; that of before is in force. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Why nobody can be served by what is in force. */
  get fault(): CredentialsFault | undefined {
    return this.#current === undefined
      ? "waiting for the first certificate"
      : credentialsFault(this.#current, Date.now());
  }

  /** @param onCredentials called with whatever takes the place of those in force */
  follow(onCredentials: (credentials: Credentials) => void): void {
    this.#timer = setInterval(() => {
      this.#checkLife();
      this.#failureLines.look();
    }, LIFE_CHECK_MS).unref();
    const { words } = this.#source;
    this.#watch = this.#source.follow(this.#current, {
      onCredentials: (credentials) => {
        const message = this.#current === undefined ? "certificate loaded" : "certificate replaced";
        this.#current = credentials;
        onCredentials(credentials);
        this.#log.info({ generation: credentials.generation, ...factsOf(credentials) }, message);
        this.#warn();
      },
      onFailure: ({ message }) => {
        this.#failures += 1;
        this.#problem = message;
        this.#failureLines.failed(message);
      },
      onRecovery: () => {
        this.#problem = undefined;
        this.#log.info(this.#failureLines.recovered(), words.recovery);
      },
    });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#watch?.stop();
  }

  #warn(): void {
    for (const problem of this.#current?.warnings ?? []) this.#log.warn({ problem }, this.#source.words.warning);
    this.#stage = "good";
    this.#fault = undefined;
    this.#checkLife();
  }

  /** Says once of each certificate that it comes to its end, and of each list that it has ended. */
  #checkLife(): void {
    if (this.#current === undefined) return;
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
