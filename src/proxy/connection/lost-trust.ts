/**
 * What a change of credentials, or the passing of time, takes from a connection whose handshake is long over. OpenSSL
 * looks at certificates in handshakes only.
 */
import type { X509Certificate } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Refused } from "../../policy/decision.ts";
import type { Credentials } from "../../tls/credentials.ts";
import { everythingPresented, firstIssuers, presentedLeaf } from "../../tls/x509/presented-chain.ts";
import { TrustStore, type LostTrust, type BundleVerdict } from "../../tls/trust/trust.ts";
import type { AcceptedConnection, Secured } from "./accepted-connection.ts";

/** Certificates of which the bundle's word is remembered; a gateway's replicas share a handful. */
const REMEMBERED = 4_096;

/**
 * Judges connections by one generation of credentials. A certificate is looked at when it is first met; where its chain is the
 * handshake's, later connections with it cost one look-up. To be replaced when a CA or a list ends: it remembers whom they vouch for.
 */
export class TrustJudge {
  readonly #credentials: Credentials | undefined;
  #store: TrustStore | undefined;
  /** By fingerprint. */
  readonly #alone = new LRUCache<string, BundleVerdict>({ max: REMEMBERED });
  /** `Secured.chainEnd` by fingerprint. */
  readonly #chainEnds = new LRUCache<string, number>({ max: REMEMBERED });
  /** Fingerprints of certificates with which a connection was lost. */
  readonly #lost = new LRUCache<string, true>({ max: REMEMBERED });

  /** @param credentials `undefined`: none are in force, and nobody may stay */
  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
  }

  /** Whether `judge` has anything to look at. `again`: time has gone by, and what was good may not be. */
  isDue({ secured }: AcceptedConnection, again = false): boolean {
    if (secured === undefined) return false;
    if (this.#credentials === undefined) return true;
    if (secured.verified.certificate.state !== "verified") return false;
    return again || secured.trust !== this.#credentials.trust;
  }

  judge(connection: AcceptedConnection, again = false): Refused | undefined {
    const { secured } = connection;
    if (secured === undefined) return undefined;
    if (!this.isDue(connection, again)) {
      this.#noteChainEnd(secured);
      return undefined;
    }
    if (this.#credentials === undefined) return { verdict: "close", reason: "no-credentials" };
    const lost = this.#faultOf(secured, this.#credentials);
    if (lost !== undefined) return { verdict: "tls-alert", reason: lost };
    secured.trust = this.#credentials.trust;
    return undefined;
  }

  /** @param chain leaf first */
  judgeChain(chain: readonly X509Certificate[]): LostTrust | undefined {
    if (this.#credentials === undefined) return "certificate-untrusted";
    this.#store ??= new TrustStore(this.#credentials);
    return this.#store.judge(chain, Date.now());
  }

  #faultOf(secured: Secured, credentials: Credentials): LostTrust | undefined {
    this.#store ??= new TrustStore(credentials);
    const now = Date.now();
    const alone = this.#judgeAlone(secured, this.#store, now);
    if (alone !== "undecided") {
      secured.chainEnd = Number.POSITIVE_INFINITY;
      return alone === "good" ? undefined : alone;
    }
    const { chain, fault } = this.#judgePresented(secured, this.#store, now);
    secured.chainEnd = firstEndIn(chain, now);
    return fault;
  }

  /**
   * The handshake has found it good, and only when that ends is to be known. Of a certificate that another connection has
   * shown it is known: what came with it then is a good way for its holder until that ends.
   */
  #noteChainEnd(secured: Secured): void {
    const { identity } = secured.verified;
    if (this.#credentials === undefined || identity === undefined || secured.chainEnd !== undefined) return;
    const now = Date.now();
    let end = this.#chainEnds.get(identity.fingerprint);
    if (end === undefined || end < now) {
      this.#store ??= new TrustStore(this.#credentials);
      end =
        this.#judgeAlone(secured, this.#store, now) === "undecided"
          ? firstEndIn(this.#judgePresented(secured, this.#store, now).chain, now)
          : Number.POSITIVE_INFINITY;
      this.#chainEnds.set(identity.fingerprint, end);
    }
    secured.chainEnd = end;
  }

  #judgePresented(secured: Secured, store: TrustStore, now: number): JudgedChain {
    if (secured.chain !== undefined) return judged(secured.chain, store, now);
    const { socket, verified } = secured;
    const fingerprint = verified.identity?.fingerprint ?? "";
    // What Node follows is one way of several. The whole list costs memory, so it is read only where that way is bad, or
    // was for another who showed the same certificate and most likely the same chain.
    if (!this.#lost.has(fingerprint)) {
      const first = judged(firstIssuers(socket), store, now);
      if (first.fault === undefined) return first;
    }
    const all = everythingPresented(socket);
    if (all.length === 0) return judged(firstIssuers(socket), store, now);
    secured.chain = all;
    const whole = judged(all, store, now);
    if (whole.fault !== undefined) this.#lost.set(fingerprint, true);
    return whole;
  }

  /** What came with the certificate is read from OpenSSL anew for each connection, so it is asked for last. */
  #judgeAlone({ socket, verified }: Secured, store: TrustStore, now: number): BundleVerdict {
    const { identity } = verified;
    if (identity === undefined || now > identity.notAfter) return "undecided";
    let word = this.#alone.get(identity.fingerprint);
    if (word === undefined) {
      const leaf = presentedLeaf(socket, identity.fingerprint);
      word = leaf === undefined ? "undecided" : store.judgeAlone(leaf, now);
      this.#alone.set(identity.fingerprint, word);
    }
    return word;
  }
}

interface JudgedChain {
  readonly chain: readonly X509Certificate[];
  readonly fault: LostTrust | undefined;
}

function judged(chain: readonly X509Certificate[], store: TrustStore, now: number): JudgedChain {
  return { chain, fault: store.judge(chain, now) };
}

/** Of those above the leaf: what has ended already took no part in what is good now. */
function firstEndIn([, ...issuers]: readonly X509Certificate[], now: number): number {
  const ends = issuers.map(({ validToDate }) => validToDate.getTime());
  return Math.min(...ends.filter((end) => end >= now));
}

/** Something that the certificate of a connection may rest on has ended: it is to be judged again. */
export function chainHasEnded({ secured, revoked, socket }: AcceptedConnection, nowMs: number): boolean {
  return secured?.chainEnd !== undefined && secured.chainEnd < nowMs && !revoked && !socket.destroyed;
}

/** When a certificate of a connection ends next, milliseconds since the epoch; infinite without one. */
export function nextEndOf(connection: AcceptedConnection, nowMs: number): number {
  const expiry = expiryOf(connection);
  const chainEnd = connection.secured?.chainEnd ?? Number.POSITIVE_INFINITY;
  return Math.min(
    expiry >= nowMs ? expiry : Number.POSITIVE_INFINITY,
    chainEnd >= nowMs ? chainEnd : Number.POSITIVE_INFINITY,
  );
}

/** When the certificate of a connection ends, milliseconds since the epoch; infinite without one. */
export function expiryOf({ secured }: AcceptedConnection): number {
  return secured?.verified.identity?.notAfter ?? Number.POSITIVE_INFINITY;
}

/** A certificate that runs out while its connection is open. `nowMs` since the epoch. */
export function judgeExpiry(connection: AcceptedConnection, nowMs: number): Refused | undefined {
  if (nowMs <= expiryOf(connection)) return undefined;
  return { verdict: "tls-alert", reason: "certificate-expired" };
}
