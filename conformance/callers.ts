/** The callers that cases describe, on loopback, with real certificates. */
import { TestAuthority, type KeyPair } from "../test/support/mesh/authority.ts";
import { tryCall, type CallerTls, type CallOutcome } from "../test/support/caller/caller.ts";
import type { Manifest } from "../test/support/mesh/objects.ts";
import type { Caller, Certificate } from "./cases.ts";

const DAY_MS = 86_400_000;

/** True where the loopback of this machine has the caller's address. */
export function isOnLoopback({ from }: Caller): boolean {
  return /^10\.\d+\.\d+\.\d+$/.test(from);
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

  private constructor(mesh: TestAuthority, foreign: TestAuthority) {
    this.mesh = mesh;
    this.#foreign = foreign;
  }

  static async create(): Promise<Callers> {
    return new Callers(...(await Promise.all([TestAuthority.create(), TestAuthority.create("CN=another CA")])));
  }

  async call({ from, tls }: Caller, port: number): Promise<CallOutcome> {
    return tryCall({ port, from: loopback(from), ...(tls !== undefined && { tls: await this.#tlsOf(tls) }) });
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
