/** A mesh for a test: its authority, the sidecar's own certificate, and certificates of callers by name. */
import { TestAuthority, type KeyPair } from "./authority.ts";
import type { CallerTls } from "../caller/caller.ts";

/** The gateway that most tests let in. */
export const GATEWAY_NAME = "gw.gw-ns.cluster.local";

export class TestMesh {
  readonly authority: TestAuthority;
  /** For `SidecarOptions.tls`. */
  readonly own: KeyPair & { readonly caPem: string };
  readonly #callers = new Map<string, Promise<KeyPair>>();

  private constructor(authority: TestAuthority, own: KeyPair) {
    this.authority = authority;
    this.own = { ...own, caPem: authority.certPem };
  }

  static async create(subject?: string): Promise<TestMesh> {
    const authority = await TestAuthority.create(subject);
    return new TestMesh(authority, await authority.issue({ sans: ["dns:foo.test.cluster.local"] }));
  }

  /** What a caller with this DNS name brings along. */
  async caller(name = GATEWAY_NAME): Promise<CallerTls & { readonly pair: KeyPair; readonly ca: string }> {
    let pair = this.#callers.get(name);
    if (pair === undefined) this.#callers.set(name, (pair = this.authority.issue({ sans: [`dns:${name}`] })));
    return { ca: this.authority.certPem, pair: await pair };
  }
}
