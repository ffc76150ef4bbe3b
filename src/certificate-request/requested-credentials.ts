/**
 * Credentials whose certificate the mesh's controller signs, and whose trust is a file. A new key and certificate are asked
 * for at two thirds of the life of those in force; while nobody answers, these stay in force until they end.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { dirname } from "node:path";
import type { RequestedCertificate } from "../config/config.ts";
import { ApiClient } from "../api-server/client.ts";
import type { ApiCredentials } from "../api-server/credentials.ts";
import { DEFAULT_TIMING } from "../api-server/timing.ts";
import { DirectoryWatch } from "../files/directory-watch.ts";
import { readTextFile } from "../files/read-text.ts";
import { CredentialsError } from "../tls/credentials-error.ts";
import { CredentialsInForce } from "../tls/credentials/credentials-in-force.ts";
import type {
  CredentialsListener,
  CredentialsSource,
  CredentialsWatch,
} from "../tls/credentials/credentials-source.ts";
import type { Credentials } from "../tls/credentials.ts";
import { splitPem } from "../tls/x509/pem.ts";
import { newKeyAndRequest } from "./key-and-request.ts";
import { requestCertificate } from "./request-certificate.ts";

/** Milliseconds. */
export interface RequestPace {
  /** A request that has had no answer by then is given up, and another is made. */
  readonly answerMs: number;
  /** Between two attempts: doubled from the least to the most, some of it by chance. */
  readonly leastPauseMs: number;
  readonly mostPauseMs: number;
  /** How often the bundle is read when nothing says that it has changed. */
  readonly pollMs: number;
}

/** The controller manager takes an unanswered request away after a day: this asks twelve times an hour. */
const PACE: RequestPace = { answerMs: 300_000, leastPauseMs: 1_000, mostPauseMs: 60_000, pollMs: 10_000 };
const SETTLE_MS = 200;

export interface RequestedCredentialsOptions {
  readonly asked: RequestedCertificate;
  readonly podName: string;
  readonly api: ApiCredentials;
  readonly pace?: Partial<RequestPace>;
}

export function requestedCredentials(options: RequestedCredentialsOptions): CredentialsSource {
  return {
    words: {
      failure: "no certificate of the mesh's controller can be used; what is in force stays until it ends",
      recovery: "certificates of the mesh's controller can be used again",
      warning: "certificate of the mesh's controller",
    },
    // The application must not wait for the controller: the ports stay closed until it answers.
    first: () => Promise.resolve(undefined),
    follow: (current, listener) => new Follower(options, current, listener),
  };
}

interface Issued {
  readonly cert: string;
  readonly key: string;
}

class Follower implements CredentialsWatch {
  readonly #options: RequestedCredentialsOptions;
  readonly #pace: RequestPace;
  readonly #inForce: CredentialsInForce;
  readonly #stopping = new AbortController();
  readonly #watch: DirectoryWatch;
  #issued: Issued | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the next request is made, on the monotonic clock; `Infinity` while none is to come. */
  #due = Infinity;
  #asking = false;
  #pauseMs: number;

  constructor(options: RequestedCredentialsOptions, current: Credentials | undefined, listener: CredentialsListener) {
    this.#options = options;
    this.#pace = { ...PACE, ...options.pace };
    this.#pauseMs = this.#pace.leastPauseMs;
    this.#inForce = new CredentialsInForce(current, listener);
    this.#watch = new DirectoryWatch({
      settleMs: SETTLE_MS,
      pollMs: this.#pace.pollMs,
      read: () => this.#offer(),
    });
    this.#watch.start();
    this.#watch.follow([dirname(options.asked.ca)]);
    this.#within(0);
  }

  stop(): void {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    void this.#watch.stop();
  }

  async #ask(): Promise<void> {
    const { asked, podName, api } = this.#options;
    this.#asking = true;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(this.#pace.answerMs)]);
    const client = new ApiClient({ credentials: api, timing: DEFAULT_TIMING });
    try {
      const { key, request } = newKeyAndRequest(asked.name);
      const cert = await requestCertificate(client, { signer: asked.signer, podName, request }, signal);
      const renewalMs = checkIssued({ cert, key }, asked.signer);
      this.#issued = { cert, key };
      this.#lengthenPause();
      this.#within(renewalMs);
      await this.#offer();
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const problem = signal.aborted
        ? `no answer to a certificate request of ${asked.signer} within ${this.#pace.answerMs / 1_000} s; is 'postern controller' running?`
        : error instanceof Error
          ? error.message
          : String(error);
      this.#inForce.fail(error instanceof CredentialsError ? error : new CredentialsError(problem, { cause: error }));
      this.#within(this.#chance(this.#pauseMs));
      this.#lengthenPause();
    } finally {
      this.#asking = false;
      await client.close();
    }
  }

  /** What was issued with the bundle as it is now. */
  async #offer(): Promise<void> {
    const { ca } = this.#options.asked;
    this.#watch.follow([dirname(ca)]);
    if (this.#issued === undefined) return;
    let bundle: string;
    try {
      bundle = await readTextFile(ca);
    } catch (cause) {
      if (!this.#watch.stopped)
        this.#inForce.fail(
          new CredentialsError(
            `Cannot read --tls-ca ${ca}: ${String(cause)}; the controller publishes it as a ConfigMap`,
            { cause },
          ),
        );
      return;
    }
    if (this.#watch.stopped) return;
    if (isRooted(this.#issued.cert, bundle)) this.#pauseMs = this.#pace.leastPauseMs;
    // A CA that nobody is asked to trust any more: peers would refuse what it has signed.
    else if (!this.#asking) this.#within(this.#chance(this.#pauseMs));
    const { signer } = this.#options.asked;
    this.#inForce.offer(
      { cert: `the certificate of ${signer}`, key: "its key", ca: `--tls-ca ${ca}` },
      { ...this.#issued, ca: bundle },
    );
  }

  /** Until a certificate is issued that the bundle vouches for: failures and useless ones are asked for more and more rarely. */
  #lengthenPause(): void {
    this.#pauseMs = Math.min(this.#pace.mostPauseMs, this.#pauseMs * 2);
  }

  #chance(ms: number): number {
    return ms * (0.5 + Math.random() / 2);
  }

  /** A request that is due earlier stays: what calls again and again must not put it off. */
  #within(ms: number): void {
    const due = performance.now() + ms;
    if (this.#stopping.signal.aborted || this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#due = Infinity;
      void this.#ask();
    }, ms).unref();
  }
}

/**
 * @returns milliseconds to its renewal
 * @throws CredentialsError for what cannot take the place of a pair that is good
 */
function checkIssued({ cert, key }: Issued, signer: string): number {
  let own: boolean;
  try {
    own = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (cause) {
    throw new CredentialsError(`the certificate that ${signer} has issued cannot be read: ${String(cause)}`, { cause });
  }
  if (!own)
    throw new CredentialsError(`the certificate that ${signer} has issued is of another key than was asked for`);
  return untilRenewal(cert, Date.now());
}

/** Milliseconds to two thirds of the life, less up to a twentieth of it, so that pods that started together do not ask together. */
export function untilRenewal(cert: string, now: number, random = Math.random()): number {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const life = validToDate.getTime() - validFromDate.getTime();
  const at = validFromDate.getTime() + life * (2 / 3 - random / 20);
  // setTimeout takes no more than 2^31 - 1.
  return Math.min(Math.max(1_000, at - now), 2 ** 31 - 1);
}

/** Whether the last certificate of a chain is signed by one of the bundle. */
export function isRooted(chain: string, bundle: string): boolean {
  try {
    const last = new X509Certificate(splitPem(chain).at(-1) ?? "");
    return splitPem(bundle).some((block) => {
      const root = new X509Certificate(block);
      return last.checkIssued(root) && last.verify(root.publicKey);
    });
  } catch {
    // What cannot be read is told where it is used.
    return true;
  }
}
