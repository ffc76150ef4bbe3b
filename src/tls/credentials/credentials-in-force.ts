/** Decides whether what a source gives replaces what is in force, and tells its listener once of each change and failure. */
import { checkCredentials } from "./check-credentials.ts";
import { CredentialsError } from "../credentials-error.ts";
import type { CredentialsListener } from "./credentials-source.ts";
import type { Credentials, CredentialsOrigin, CredentialTexts } from "../credentials.ts";
import { replacementOf } from "./replacement.ts";
import { withoutWithdrawn, type TrustTexts } from "../trust/taken-away.ts";

export class CredentialsInForce {
  readonly #listener: CredentialsListener;
  #current: Credentials | undefined;
  /** Content that was accepted last. */
  #judged: string | undefined;
  #failure: string | undefined;
  /** The texts that were searched last for what they withdraw. */
  #searched: TrustTexts = {};

  constructor(current: Credentials | undefined, listener: CredentialsListener) {
    this.#current = current;
    this.#listener = listener;
  }

  get current(): Credentials | undefined {
    return this.#current;
  }

  /** True while what the source gave last is not what is in force. */
  get failing(): boolean {
    return this.#failure !== undefined;
  }

  offer(origin: CredentialsOrigin, texts: CredentialTexts): void {
    try {
      this.#judge(origin, texts);
    } catch (error) {
      this.takeAway(origin, texts);
      this.fail(error);
    }
  }

  /** Of a set that cannot be used as a whole: what it withdraws is withdrawn all the same. `fail` tells why it cannot be used. */
  takeAway(origin: CredentialsOrigin, { ca, crl }: TrustTexts): void {
    if (this.#current === undefined || (ca === this.#searched.ca && crl === this.#searched.crl)) return;
    this.#searched = { ...(ca !== undefined && { ca }), ...(crl !== undefined && { crl }) };
    const credentials = withoutWithdrawn(this.#current, origin, this.#searched, Date.now());
    if (credentials === undefined) return;
    this.#current = credentials;
    // What was accepted last is not in force any more: where it is offered again, it has to be judged again.
    this.#judged = undefined;
    this.#listener.onCredentials(credentials);
  }

  fail(error: unknown): void {
    const failure = error instanceof CredentialsError ? error : new CredentialsError(String(error), { cause: error });
    if (failure.message === this.#failure) return;
    this.#failure = failure.message;
    this.#listener.onFailure(failure);
  }

  #judge(origin: CredentialsOrigin, texts: CredentialTexts): void {
    const content = JSON.stringify(texts);
    if (content === this.#judged) {
      this.#recover();
      return;
    }
    const now = Date.now();
    const next = checkCredentials(origin, texts, (this.#current?.generation ?? 0) + 1, now);
    const { credentials, fault } =
      this.#current === undefined ? { credentials: next } : replacementOf(this.#current, next, origin, now);
    this.#searched = {};
    if (credentials !== undefined) {
      this.#current = credentials;
      this.#listener.onCredentials(credentials);
    }
    if (fault !== undefined) {
      // Looked at again whenever it is offered: what is wrong now passes by itself.
      this.#judged = undefined;
      this.fail(fault);
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
}
