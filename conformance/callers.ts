/** The callers that cases describe, on loopback, with real certificates. */
import { TestAuthority, type KeyPair } from "../test/support/mesh/authority.ts";
import { tryCall, type CallerTls, type CallOutcome } from "../test/support/caller/caller.ts";
import type { Manifest } from "../test/support/mesh/objects.ts";
import type { Caller, Certificate } from "./cases.ts";

const DAY_MS = 86_400_000;

/** Long after any refusal or answer, and short beside a whole run. */
const ANSWER_MS = 10_000;

/** The connection was accepted, or hung before that, and nothing more came of it. */
export interface NoAnswer {
  readonly silentMs: number;
}

/** True where the loopback of this machine has an address for the caller. */
export function isOnLoopback({ from }: Caller): boolean {
  return /^(?:10|127)\.\d+\.\d+\.\d+$/.test(from);
}

export function loopback(address: string): string {
  return address.replace(/^10\./, "127.");
}

export function onLoopback(manifest: Manifest): Manifest {
  const text = JSON.stringify(manifest)
    .replaceAll(/"(::ffff:)?10\.(\d+\.\d+\.\d+(?:\/\d+)?)"/g, '"$1127.$2"')
    .replaceAll('"::ffff:a00:', '"::ffff:7f00:');
  return JSON.parse(text) as Manifest;
}

export class Callers {
  /** Of the mesh: what it signed is good. */
  readonly mesh: TestAuthority;
  readonly #foreign: TestAuthority;
  readonly #issued = new Map<string, Promise<KeyPair>>();
  readonly #answerMs: number;
  readonly #stopped: AbortSignal;

  private constructor(mesh: TestAuthority, foreign: TestAuthority, answerMs: number, stopped: AbortSignal) {
    this.mesh = mesh;
    this.#foreign = foreign;
    this.#answerMs = answerMs;
    this.#stopped = stopped;
  }

  /**
   * @param answerMs how long a caller waits for an answer or an end
   * @param stopped ends calls that are under way
   */
  static async create(answerMs = ANSWER_MS, stopped = new AbortController().signal): Promise<Callers> {
    const authorities = await Promise.all([TestAuthority.create(), TestAuthority.create("CN=another CA")]);
    return new Callers(...authorities, answerMs, stopped);
  }

  /**
   * @param withinMs less than all callers wait, where the moment has less
   * @throws the reason of `stopped`
   */
  async call({ from, tls }: Caller, port: number, withinMs = this.#answerMs): Promise<CallOutcome | NoAnswer> {
    const silentMs = Math.ceil(Math.min(withinMs, this.#answerMs));
    const caller = { port, from: loopback(from), ...(tls !== undefined && { tls: await this.#tlsOf(tls) }) };
    const late = AbortSignal.timeout(silentMs);
    const outcome = await tryCall({ ...caller, signal: AbortSignal.any([late, this.#stopped]) });
    this.#stopped.throwIfAborted();
    return late.aborted ? { silentMs } : outcome;
  }

  async #tlsOf({ certificate, sni }: NonNullable<Caller["tls"]>): Promise<CallerTls> {
    const pair = await this.#pairOf(certificate);
    return { ca: this.mesh.certPem, ...(pair && { pair }), ...(sni !== undefined && { servername: sni }) };
  }

  #pairOf(certificate: Certificate): Promise<KeyPair> | undefined {
    if (certificate === "none") return undefined;
    const key = JSON.stringify(certificate);
    let pair = this.#issued.get(key);
    if (pair === undefined) this.#issued.set(key, (pair = this.#issue(certificate)));
    return pair;
  }

  async #issue(certificate: Exclude<Certificate, "none">): Promise<KeyPair> {
    const sans = ["dns:gw.gw-ns.cluster.local"];
    switch (certificate) {
      case "foreign":
        return this.#foreign.issue({ sans });
      case "self-signed":
        return (await TestAuthority.create("CN=nobody")).issue({ sans });
      case "expired":
        return this.mesh.issue({
          sans,
          notBefore: new Date(Date.now() - DAY_MS),
          notAfter: new Date(Date.now() - 60_000),
        });
      case "not-yet-valid":
        return this.mesh.issue({
          sans,
          notBefore: new Date(Date.now() + DAY_MS),
          notAfter: new Date(Date.now() + 2 * DAY_MS),
        });
      case "server-only":
        return this.mesh.issue({ sans, usages: ["server"] });
      default:
        return this.mesh.issue({
          sans: certificate.sans,
          ...(certificate.commonName !== undefined && { subject: `CN=${certificate.commonName}` }),
        });
    }
  }
}
