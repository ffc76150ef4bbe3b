/**
 * Whether a certificate that was verified once would still be: for live connections, when the trust bundle or a revocation
 * list has changed, or time went by. OpenSSL verifies in handshakes only. Judged as OpenSSL judges, by every path from what
 * was presented to a CA of the bundle: a connection is lost when none is good any more.
 */
import { X509Certificate } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { RefusalReason } from "../../policy/decision.ts";
import { limitsOf, type AuthorityLimits } from "./authority-limits.ts";
import type { Credentials } from "../credentials.ts";
import { holderOf, issuerOf } from "../x509/distinguished-name.ts";
import { sansOf } from "../x509/identity.ts";
import { permitsNames } from "../x509/name-constraints.ts";
import { splitPem } from "../x509/pem.ts";
import { isSelfSigned } from "../x509/self-signed.ts";
import { vouchingDomain } from "../x509/trust-domain.ts";
import { isListOf, keyIdOf, type RevocationList } from "../revocation.ts";

export type LostTrust = Extract<
  RefusalReason,
  "certificate-untrusted" | "certificate-expired" | "certificate-revoked" | "crl-expired" | "crl-missing"
>;

/** Of a certificate by itself. `undecided`: certificates that the peer sent with it decide. */
export type BundleVerdict = "good" | "certificate-revoked" | "undecided";

/** Longest path that is walked, leaf and root included. */
const MAX_DEPTH = 10;
/** Signatures that one chain may cost. No mesh comes near; what does is refused. */
const MAX_STEPS = 200;
/** Answers that are remembered, of one generation of credentials. */
const REMEMBERED = 4_096;

/** What is wrong with the best of several bad paths, worst news first. */
const RANK: readonly LostTrust[] = ["certificate-revoked", "crl-expired", "crl-missing", "certificate-expired"];

/** One certificate of a path, and what a path asks of it. */
interface Node {
  readonly certificate: X509Certificate;
  readonly fingerprint: string;
  readonly keyId: string;
  readonly limits: AuthorityLimits;
}

/** CA certificates by the name of their holder. */
type Candidates = ReadonlyMap<string, readonly Node[]>;

/** One look for paths, and what it has cost. */
interface Search {
  readonly candidates: Candidates;
  readonly anchors: ReadonlySet<string>;
  steps: number;
}

/** The trust of one generation of credentials, ready to judge many chains. */
export class TrustStore {
  readonly #authorities: readonly Node[];
  /** Fingerprints of what ends a path, where there are no trust domains. */
  readonly #anchors: ReadonlySet<string>;
  readonly #credentials: Credentials;
  readonly #issued = new LRUCache<string, boolean>({ max: REMEMBERED });
  readonly #lists = new LRUCache<string, readonly RevocationList[]>({ max: REMEMBERED });

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
    this.#authorities = splitPem(credentials.ca).map((pem) => nodeOf(new X509Certificate(pem)));
    const anchors = this.#authorities.filter(({ certificate }) => isSelfSigned(certificate));
    this.#anchors = new Set(anchors.map(({ fingerprint }) => fingerprint));
  }

  /**
   * @param chain leaf first, then whatever the peer sent with it, in any order
   * @returns what is wrong now, or `undefined` while a good path leads to a CA of the bundle
   */
  judge(chain: readonly X509Certificate[], now: number): LostTrust | undefined {
    const [leaf, ...rest] = chain.map(nodeOf);
    if (leaf === undefined) return "certificate-untrusted";
    const brought = rest.filter(({ certificate }) => certificate.ca);
    const faults = new Set<LostTrust>();
    for (const path of this.#pathsFrom(leaf, brought)) {
      const fault = this.#faultOf(path, now);
      if (fault === undefined) return undefined;
      faults.add(fault);
    }
    return RANK.find((fault) => faults.has(fault)) ?? "certificate-untrusted";
  }

  /**
   * Judges a certificate by the bundle alone. `good` holds whatever the peer sent with it, which adds paths and removes none. So
   * does a revocation by its issuer, whose key is the same on every path.
   */
  judgeAlone(certificate: X509Certificate, now: number): BundleVerdict {
    for (const path of this.#pathsFrom(nodeOf(certificate), [])) {
      if (this.#hasRevoked(path[1]!, path[0]!)) return "certificate-revoked";
      // OpenSSL has held such constraints against the path that it took, which may have been another.
      const isWhole = path.every(({ limits }) => limits.names?.others !== true);
      if (isWhole && this.#faultOf(path, now) === undefined) return "good";
    }
    return "undecided";
  }

  #pathsFrom(leaf: Node, brought: readonly Node[]): Iterable<readonly Node[]> {
    const candidates = byName([...this.#authorities, ...brought]);
    return this.#paths([leaf], { candidates, anchors: this.#anchorsFor(leaf.certificate), steps: 0 });
  }

  #anchorsFor(leaf: X509Certificate): ReadonlySet<string> {
    const { trustDomains } = this.#credentials;
    if (trustDomains === undefined) return this.#anchors;
    const domain = vouchingDomain(sansOf(leaf), trustDomains.own);
    return (domain === undefined ? undefined : trustDomains.anchors.get(domain)) ?? new Set();
  }

  /** Every path by names and signatures; dates and revocation come after, so that the reason can be told. */
  *#paths(path: readonly Node[], search: Search): Generator<readonly Node[]> {
    const { candidates, anchors } = search;
    const last = path.at(-1)!;
    if (path.length > 1 && anchors.has(last.fingerprint)) yield path;
    if (path.length === MAX_DEPTH) return;
    for (const candidate of candidates.get(nameKey(issuerOf(last.certificate))) ?? []) {
      if (path.includes(candidate) || candidate.fingerprint === last.fingerprint) continue;
      search.steps += 1;
      if (search.steps > MAX_STEPS) return;
      if (!this.#hasIssued(candidate, last) || !permits(candidate, path, candidates)) continue;
      yield* this.#paths([...path, candidate], search);
    }
  }

  #hasIssued(issuer: Node, subject: Node): boolean {
    if (issuer.limits.weakKey || subject.limits.weakSignature) return false;
    const key = `${issuer.fingerprint}${subject.fingerprint}`;
    let known = this.#issued.get(key);
    if (known === undefined) {
      known =
        subject.certificate.checkIssued(issuer.certificate) && subject.certificate.verify(issuer.certificate.publicKey);
      this.#issued.set(key, known);
    }
    return known;
  }

  #faultOf(path: readonly Node[], now: number): LostTrust | undefined {
    if (path.some(({ certificate }) => !inDate(certificate, now))) return "certificate-expired";
    if (this.#credentials.lists.length === 0) return undefined;
    let fault: LostTrust | undefined;
    for (const [index, node] of path.entries()) {
      // A root is asked of its own issuer too, itself, as OpenSSL has it.
      const issuer = path[index + 1] ?? node;
      if (this.#hasRevoked(issuer, node)) return "certificate-revoked";
      fault ??= this.#faultOfLists(this.#listsOf(issuer), now);
    }
    return fault;
  }

  #hasRevoked(issuer: Node, { certificate }: Node): boolean {
    return this.#listsOf(issuer).some(({ serials }) => serials.has(certificate.serialNumber));
  }

  #faultOfLists(lists: readonly RevocationList[], now: number): LostTrust | undefined {
    if (lists.length === 0) return "crl-missing";
    if (this.#credentials.expiredLists === "accept") return undefined;
    return lists.some(({ nextUpdate }) => nextUpdate === undefined || now <= nextUpdate) ? undefined : "crl-expired";
  }

  #listsOf({ keyId, certificate }: Node): readonly RevocationList[] {
    let lists = this.#lists.get(keyId);
    if (lists === undefined) {
      lists = this.#credentials.lists.filter((list) => isListOf(list, certificate.publicKey, keyId));
      this.#lists.set(keyId, lists);
    }
    return lists;
  }
}

export function inDate(certificate: X509Certificate, now: number): boolean {
  return certificate.validFromDate.getTime() <= now && now <= certificate.validToDate.getTime();
}

/** What certificates say, which costs ten times what judging them does. */
const nodes = new WeakMap<X509Certificate, Node>();

function nodeOf(certificate: X509Certificate): Node {
  let node = nodes.get(certificate);
  if (node === undefined) {
    const fingerprint = certificate.fingerprint256;
    node = { certificate, fingerprint, keyId: keyIdOf(certificate.publicKey), limits: limitsOf(certificate) };
    nodes.set(certificate, node);
  }
  return node;
}

function byName(nodes: readonly Node[]): Candidates {
  const unique = new Map(nodes.map((node) => [node.fingerprint, node])).values();
  return Map.groupBy(unique, ({ certificate }) => nameKey(holderOf(certificate)));
}

/** OpenSSL compares names without regard to case, and to how many blanks stand between words (RFC 5280 section 7.1). */
function nameKey(name: string): string {
  return name.toLowerCase().replaceAll(/ +/g, " ");
}

/** @param path what the candidate would stand above */
function permits(
  { certificate, limits, keyId, fingerprint }: Node,
  path: readonly Node[],
  candidates: Candidates,
): boolean {
  // Self-issued certificates do not count towards the length (RFC 5280 section 4.2.1.9).
  const below = path.slice(1).filter((one) => holderOf(one.certificate) !== issuerOf(one.certificate)).length;
  if (limits.pathLength !== undefined && below > limits.pathLength) return false;
  if (!limits.clientAuth) return false;
  const { names } = limits;
  if (names === undefined) return true;
  if (!permitsNames(names, sansOf(path[0]!.certificate))) return false;
  // Other kinds of names are held against constraints by OpenSSL alone. Where the key has no other certificate, it has done so.
  const namesakes = candidates.get(nameKey(holderOf(certificate))) ?? [];
  return !names.others || namesakes.every((one) => one.keyId !== keyId || one.fingerprint === fingerprint);
}
