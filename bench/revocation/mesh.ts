/**
 * The mesh that is measured: two CAs, callers of every kind, and the files that a sidecar follows, which lie and are
 * replaced as in mounted volumes.
 */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { TestAuthority, type KeyPair, type LeafOptions } from "../../test/support/mesh/authority.ts";
import { mutual, policy, principal, service, slice, type Manifest } from "../../test/support/mesh/objects.ts";
import { manifestText } from "../../test/support/process/sidecar.ts";
import { MountedVolume } from "./mounted-volume.ts";

export const SERVER_NAME = "foo.test.svc";
const EDGE = "gateways/edge";
/** Of each bearer, as a gateway with replicas has them. */
const CERTIFICATES = 10;
const STAYS = "stays.gateways";
export const LEAVES = "leaves.gateways";
const ADDRESS = "127.0.0.1";
const LEAVING_ADDRESS = "127.0.5.1";

/** Files of the sidecar. */
const CREDENTIALS = ["tls.crt", "tls.key", "ca.crt", "crl.pem"];
const MANIFESTS = "objects.yaml";

interface Volumes {
  readonly credentials: MountedVolume;
  readonly manifests: MountedVolume;
}

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
  #volumes: Volumes | undefined;

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
    this.#volumes = {
      credentials: new MountedVolume(directory, CREDENTIALS),
      manifests: new MountedVolume(join(directory, "manifests"), [MANIFESTS]),
    };
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
    this.#volume("credentials").replace({ "ca.crt": this.bundle(withLeaving) });
  }

  writeLists(lists: string): void {
    this.#volume("credentials").replace({ "crl.pem": lists });
  }

  writePrincipals(withLeaving: boolean): void {
    this.#writeManifests(this.manifests({ principals: withLeaving ? [STAYS, LEAVES] : [STAYS] }));
  }

  writeEndpoints(withLeaving: boolean): void {
    this.#writeManifests(this.manifests({ addresses: withLeaving ? [ADDRESS, LEAVING_ADDRESS] : [ADDRESS] }));
  }

  #writeManifests(manifests: readonly Manifest[]): void {
    this.#volume("manifests").replace({ [MANIFESTS]: manifestText(manifests) });
  }

  #volume(name: keyof Volumes): MountedVolume {
    if (this.#volumes === undefined) throw new Error("the mesh follows no sidecar's files");
    return this.#volumes[name];
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
