/**
 * Credentials from a SPIFFE Workload API. The stream is kept, and opened anew whenever it is lost, silent at the beginning, or
 * still silent when the certificate should have been renewed. Whatever goes wrong, what is in force stays so until it ends:
 * also where the server has withdrawn it (PERMISSION_DENIED), which a server that has just been started says too.
 */
import { CredentialsError } from "../credentials-error.ts";
import { CredentialsInForce } from "../credentials/credentials-in-force.ts";
import type { CredentialsListener, CredentialsSource, CredentialsWatch } from "../credentials/credentials-source.ts";
import type { Credentials } from "../credentials.ts";
import { textsOf, type SvidTexts } from "./svid-texts.ts";
import type { X509SvidResponse } from "./workload-proto.ts";
import { openWorkloadStream, type WorkloadStream } from "./workload-stream.ts";

/** Milliseconds. */
export interface WorkloadPace {
  /** From the call to its first message, which the server must send without delay (SPIFFE Workload API section 4.3). */
  readonly answerMs: number;
  /** Between two attempts: doubled from the least to the most, some of it by chance. */
  readonly leastPauseMs: number;
  readonly mostPauseMs: number;
  /** Least time that a silent stream is left alone. */
  readonly leastSilenceMs: number;
}

const PACE: WorkloadPace = { answerMs: 10_000, leastPauseMs: 250, mostPauseMs: 30_000, leastSilenceMs: 60_000 };
const MOST_SILENCE_MS = 3_600_000;

/** @param socket absolute path */
export function workloadApi(socket: string, pace = PACE): CredentialsSource {
  return {
    words: {
      failure: "the SPIFFE Workload API gives no certificate that can be used; what is in force stays",
      recovery: "the SPIFFE Workload API can be used again",
      warning: "SPIFFE Workload API",
    },
    first: () => Promise.resolve(undefined),
    follow: (current, listener) => {
      const follower = new Follower(socket, pace, current, listener);
      follower.open();
      return follower;
    },
  };
}

class Follower implements CredentialsWatch {
  readonly #socket: string;
  readonly #pace: WorkloadPace;
  readonly #inForce: CredentialsInForce;
  #stream: WorkloadStream | undefined;
  /** What is waited for: an answer, the next attempt, or the time at which silence becomes suspicious. */
  #timer: NodeJS.Timeout | undefined;
  #pauseMs: number;

  constructor(socket: string, pace: WorkloadPace, current: Credentials | undefined, listener: CredentialsListener) {
    this.#socket = socket;
    this.#pace = pace;
    this.#pauseMs = pace.leastPauseMs;
    this.#inForce = new CredentialsInForce(current, listener);
  }

  /** Takes the place of a stream that is open. */
  open(): void {
    this.stop();
    this.#stream = openWorkloadStream(this.#socket, {
      onResponse: (response) => this.#taken(response),
      onEnd: (reason) => this.#lost(reason),
    });
    const { answerMs } = this.#pace;
    this.#after(answerMs, () =>
      this.#lost(new CredentialsError(`unix:${this.#socket}: no answer within ${answerMs / 1_000} s`)),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stream?.close();
    this.#stream = undefined;
  }

  #taken(response: X509SvidResponse): void {
    let offered: SvidTexts | undefined;
    try {
      offered = textsOf(`unix:${this.#socket}`, response);
    } catch (error) {
      this.#inForce.fail(error);
    }
    if (offered !== undefined) this.#inForce.offer(offered.origin, offered.texts);
    if (this.#inForce.failing) {
      this.#after(this.#nextPause(), () => this.open());
      return;
    }
    this.#pauseMs = this.#pace.leastPauseMs;
    const left = (this.#inForce.current?.notAfter ?? 0) - Date.now();
    const silence = Math.min(MOST_SILENCE_MS, Math.max(this.#pace.leastSilenceMs, left / 2));
    this.#after(silence, () => this.open());
  }

  #lost(reason: CredentialsError): void {
    this.stop();
    this.#inForce.fail(reason);
    this.#after(this.#nextPause(), () => this.open());
  }

  #nextPause(): number {
    const pause = this.#pauseMs;
    this.#pauseMs = Math.min(this.#pace.mostPauseMs, pause * 2);
    return pause * (0.5 + Math.random() / 2);
  }

  #after(ms: number, run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, ms).unref();
  }
}
