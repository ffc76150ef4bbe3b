/** The secret that session tickets are made by, of all threads: made anew in time, and taken away where resuming goes wrong. */
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { TicketProblem, TicketSecret } from "../../tls/session-tickets.ts";

/** Whoever learns a secret reads the TLS 1.2 sessions that it has made; RFC 5077 section 5.5 wants it to be short-lived. */
const ROTATION_MS = 3_600_000;
/** A holder of refused sessions that comes again and again takes the tickets of all no more often than this. */
const LEAST_INTERVAL_MS = 10_000;

export class SessionTickets {
  readonly #publish: (secret: TicketSecret | undefined) => void;
  readonly #timer: NodeJS.Timeout;
  #secret: TicketSecret | undefined;
  #refusedAt = Number.NEGATIVE_INFINITY;
  /** `Credentials.trust` by which certificates need what came with them. */
  #unfitFor: string | undefined;
  #trust: string | undefined;

  /** @param publish brings the secret to every thread; `undefined`: no session is resumed, and none can be */
  constructor(trust: string | undefined, publish: (secret: TicketSecret | undefined) => void) {
    this.#publish = publish;
    this.#trust = trust;
    this.#secret = randomBytes(32);
    this.#timer = setInterval(() => this.#rotate(), ROTATION_MS).unref();
  }

  get secret(): TicketSecret | undefined {
    return this.#secret;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @param trust `Credentials.trust` of those that are in force from now on */
  trusting(trust: string | undefined): void {
    this.#trust = trust;
    if (this.#secret === undefined && this.#unfitFor !== trust) this.#rotate();
  }

  /** @returns whether resumption has ended over it */
  reported(problem: TicketProblem): boolean {
    switch (problem) {
      case "session-refused":
        if (performance.now() - this.#refusedAt < LEAST_INTERVAL_MS) return false;
        this.#refusedAt = performance.now();
        if (this.#secret !== undefined) this.#rotate();
        return false;
      case "chain-needed":
        this.#unfitFor = this.#trust;
        if (this.#secret === undefined) return false;
        this.#secret = undefined;
        this.#publish(undefined);
        return true;
    }
  }

  #rotate(): void {
    if (this.#unfitFor !== undefined && this.#unfitFor === this.#trust) return;
    this.#secret = randomBytes(32);
    this.#publish(this.#secret);
  }
}
