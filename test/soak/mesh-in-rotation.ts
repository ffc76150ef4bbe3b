/**
 * A mesh whose certificates and CA are replaced again and again, as the sidecar and its callers get to see it. A certificate
 * is made an hour long, so whoever rotates must do it well within that: nothing of this is used once its successor is there.
 */
import { makeCertificate, type Made } from "../support/mesh/certificates.ts";

export const GATEWAY = "edge.gateways.cluster.local";
const WRONG_NAME = "wrong.gateways.cluster.local";
export const SIDECAR_ID = "spiffe://mesh.test/foo";

/** The bundle has the CA of the day and the one before; a CA begins to issue only when its certificate is known everywhere. */
export class MeshInRotation {
  #former: Made | undefined;
  #newest: Made;
  #issuer: Made;
  #count = 0;
  #caller: Made;
  #callersFormer: Made | undefined;
  #wrongName: Made;

  constructor() {
    this.#newest = this.#authority();
    this.#issuer = this.#newest;
    this.#caller = this.#callerOf(this.#newest);
    this.#wrongName = this.#callerOf(this.#newest, WRONG_NAME);
  }

  /** CAs that are trusted, PEM. */
  get bundle(): string {
    return (this.#former?.certPem ?? "") + this.#newest.certPem;
  }

  get authorities(): readonly Made[] {
    return this.#former === undefined ? [this.#newest] : [this.#former, this.#newest];
  }

  /** Good at any time. */
  get caller(): Made {
    return this.#caller;
  }

  /** Good at any time, of a name that no policy knows. */
  get wrongName(): Made {
    return this.#wrongName;
  }

  /** Of a CA that has left the bundle. */
  get strayCaller(): Made | undefined {
    return this.#callersFormer;
  }

  /** A new CA beside the present one; the one before leaves. */
  addAuthority(): void {
    this.#former = this.#newest;
    this.#newest = this.#authority();
  }

  /** From now on the newest CA issues. */
  switchIssuer(): void {
    this.#callersFormer = this.#caller;
    this.#issuer = this.#newest;
    this.#caller = this.#callerOf(this.#newest);
    this.#wrongName = this.#callerOf(this.#newest, WRONG_NAME);
  }

  /** The sidecar's next certificate; its subject is its number. */
  nextLeaf(): Made {
    this.#count += 1;
    return makeCertificate({
      subject: String(this.#count),
      issuer: this.#issuer,
      dns: ["foo.test.cluster.local"],
      uris: [SIDECAR_ID],
    });
  }

  #authority(): Made {
    return makeCertificate({ subject: `mesh CA ${Math.random()}`, ca: true });
  }

  #callerOf(issuer: Made, name = GATEWAY): Made {
    return makeCertificate({ subject: "edge", issuer, dns: [name], uris: [`spiffe://mesh.test/${name}`] });
  }
}
