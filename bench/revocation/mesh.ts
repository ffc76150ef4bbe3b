/**
 * The mesh that is measured: two CAs, callers of every kind, and the files that a sidecar follows. Those of its credentials
 * lie and are replaced as in a mounted volume, where a kubelet swaps one link.
 */
import { X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TestAuthority, type KeyPair, type LeafOptions } from "../../test/support/mesh/authority.ts";
import { mutual, policy, principal, service, slice, type Manifest } from "../../test/support/mesh/objects.ts";
import { writeManifests } from "../../test/support/process/sidecar.ts";

export const SERVER_NAME = "foo.test.svc";
const EDGE = "gateways/edge";
/** Of each bearer, as a gateway with replicas has them. */
const CERTIFICATES = 10;
const STAYS = "stays.gateways";
const LEAVES = "leaves.gateways";
const ADDRESS = "127.0.0.1";
const LEAVING_ADDRESS = "127.0.5.1";

/** Of the sidecar's credentials. */
const FILES = ["tls.crt", "tls.key", "ca.crt", "crl.pem"];

/** Who calls: certificates that are shown in turn, from one address. */
export interface Bearer {
  readonly name: string;
  readonly from: string;
  /** What it trusts. */
  readonly ca: string;
  readonly pairs: readonly KeyPair[];
}

export class Mesh {
  readonly #authority: TestAuthority;
  readonly #leaving: TestAuthority;
  readonly own: KeyPair;
  #directory = "";
  /** Directory of the volume's content, below that of its files. */
  #content = "";
  #version = 0;

  private constructor(authority: TestAuthority, leaving: TestAuthority, own: KeyPair) {
    this.#authority = authority;
    this.#leaving = leaving;
    this.own = own;
  }

  static async create(): Promise<Mesh> {
    const authority = await TestAuthority.create("CN=mesh CA");
    const leaving = await TestAuthority.create("CN=leaving CA");
    return new Mesh(authority, leaving, await authority.issue({ sans: [`dns:${SERVER_NAME}`] }));
  }

  /** @param directory of the sidecar's files */
  follow(directory: string): void {
    this.#directory = directory;
    this.#swap(Object.fromEntries(FILES.map((name) => [name, readFileSync(join(directory, name), "latin1")])));
    for (const name of FILES) this.#link(`..data/${name}`, name);
  }

  bundle(withLeaving = true): string {
    return `${this.#authority.certPem}${withLeaving ? this.#leaving.certPem : ""}`;
  }

  /** @param revoked of the mesh's own CA */
  async lists(revoked: readonly KeyPair[] = []): Promise<string> {
    const serials = revoked.map(({ certPem }) => new X509Certificate(certPem).serialNumber);
    return (await this.#authority.revoke(serials)) + (await this.#leaving.revoke([]));
  }

  manifests({ principals = [STAYS, LEAVES], addresses = [ADDRESS, LEAVING_ADDRESS] } = {}): readonly Manifest[] {
    return [policy([mutual], [service(EDGE), ...principals.map(principal)]), slice(EDGE, ...addresses)];
  }

  /** Whom no change concerns. */
  staying(name: string): Promise<Bearer> {
    return this.#bearer(name, {});
  }

  /** @param end of the certificates, whole seconds */
  expiring(end: Date): Promise<Bearer> {
    return this.#bearer("expiring", { notAfter: end });
  }

  revocable(): Promise<Bearer> {
    return this.#bearer("revocable", {});
  }

  ofLeavingAuthority(): Promise<Bearer> {
    return this.#bearer("of the leaving CA", {}, { authority: this.#leaving });
  }

  ofLeavingPrincipal(): Promise<Bearer> {
    return this.#bearer("of the leaving principal", { sans: [`dns:${LEAVES}`] });
  }

  ofLeavingEndpoint(): Promise<Bearer> {
    return this.#bearer("of the leaving endpoint", {}, { from: LEAVING_ADDRESS });
  }

  writeBundle(withLeaving: boolean): void {
    this.#replace("ca.crt", this.bundle(withLeaving));
  }

  writeLists(lists: string): void {
    this.#replace("crl.pem", lists);
  }

  writePrincipals(withLeaving: boolean): void {
    this.#writeManifests(this.manifests({ principals: withLeaving ? [STAYS, LEAVES] : [STAYS] }));
  }

  writeEndpoints(withLeaving: boolean): void {
    this.#writeManifests(this.manifests({ addresses: withLeaving ? [ADDRESS, LEAVING_ADDRESS] : [ADDRESS] }));
  }

  #writeManifests(manifests: readonly Manifest[]): void {
    writeManifests(join(this.#directory, "manifests"), manifests);
  }

  #replace(name: string, text: string): void {
    this.#swap({ [name]: text });
  }

  /** What is not given is as before. */
  #swap(texts: Readonly<Record<string, string>>): void {
    const before = join(this.#directory, this.#content);
    this.#version += 1;
    this.#content = `..${this.#version}`;
    const now = join(this.#directory, this.#content);
    mkdirSync(now);
    for (const name of FILES) writeFileSync(join(now, name), texts[name] ?? readFileSync(join(before, name)));
    this.#link(this.#content, "..data");
    if (this.#version > 1) rmSync(before, { recursive: true });
  }

  #link(target: string, name: string): void {
    const draft = join(this.#directory, `${name}_tmp`);
    symlinkSync(target, draft);
    renameSync(draft, join(this.#directory, name));
  }

  async #bearer(
    name: string,
    leaf: LeafOptions,
    {
      authority = this.#authority,
      from = ADDRESS,
    }: { readonly authority?: TestAuthority; readonly from?: string } = {},
  ): Promise<Bearer> {
    const issue = (): Promise<KeyPair> => authority.issue({ sans: [`dns:${STAYS}`], ...leaf });
    const pairs = await Promise.all(Array.from({ length: CERTIFICATES }, issue));
    return { name, from, ca: this.#authority.certPem, pairs };
  }
}
