/** The Secret with the mesh's CA: made and rotated where it is our own, read where it is given. */
import { X509Certificate } from "node:crypto";
import type { ApiClient } from "../../api-server/client.ts";
import type { KubernetesObject } from "../../api-server/objects.ts";
import type { Log } from "../../telemetry/log.ts";
import {
  annotationOf,
  isOurs,
  readObject,
  secretObject,
  secretPlace,
  secretTexts,
  writeObject,
} from "../objects/owned-objects.ts";
import { AuthorityError, readAuthority, type Authority } from "./authority.ts";
import { createAuthority } from "./create-authority.ts";
import { BACKDATE_MS } from "./issue.ts";
import { rotationStep, type RotationState } from "./rotation.ts";

/** Any value on the Secret of our own CA asks for a new one. */
export const ROTATE_ANNOTATION = "postern.dev/rotate";

export interface AuthoritySecretOptions {
  readonly client: ApiClient;
  readonly log: Log;
  readonly meshName: string;
  readonly namespace: string;
  readonly secret: string;
  /** Somebody else keeps the Secret: it is neither made nor changed. */
  readonly given: boolean;
  /** Of a CA of our own. */
  readonly validityMs: number;
  /** How long the next CA is published before it signs. */
  readonly overlapMs: number;
}

export interface MeshAuthority {
  readonly authority: Authority;
  /** PEM: the roots that peers have to trust, the next one among them. */
  readonly roots: readonly string[];
}

export class AuthoritySecret {
  readonly #options: AuthoritySecretOptions;
  /** What was read last, so that an unchanged Secret is not parsed again. */
  #last: { readonly version: string; readonly current: MeshAuthority } | undefined;

  constructor(options: AuthoritySecretOptions) {
    this.#options = options;
  }

  /**
   * One step towards what should be: at most one write.
   * @throws AuthorityError for a CA that cannot be used, ForeignObjectError. Rejects with an ApiFailure.
   */
  async reconcile(now: number, signal: AbortSignal): Promise<MeshAuthority> {
    const { client, namespace, secret, given } = this.#options;
    const found = await readObject(client, secretPlace(namespace, secret), signal);
    if (found === undefined) {
      if (given) throw new AuthorityError(`Secret ${namespace}/${secret} does not exist: create it with the mesh's CA`);
      return this.#create(undefined, now, signal);
    }
    if (!given && isOurs(found)) {
      const rotated = await this.#rotate(found, now, signal);
      if (rotated !== undefined) return rotated;
    }
    return this.#read(found, now);
  }

  async #read(found: KubernetesObject, now: number): Promise<MeshAuthority> {
    const version = JSON.stringify(found["data"] ?? {});
    if (this.#last?.version === version && now < this.#last.current.authority.certificate.notAfter.getTime())
      return this.#last.current;
    const { "tls.crt": cert = "", "tls.key": key = "", "ca.crt": ca = "", "next.crt": next } = secretTexts(found);
    const { namespace, secret } = this.#options;
    const authority = await readAuthority(`Secret ${namespace}/${secret}`, { cert, key, ca }, now);
    const current = { authority, roots: [...authority.roots, ...(next === undefined ? [] : [next])] };
    this.#last = { version, current };
    return current;
  }

  /** @returns `undefined` where the Secret stays as it is */
  async #rotate(found: KubernetesObject, now: number, signal: AbortSignal): Promise<MeshAuthority | undefined> {
    const { log, overlapMs } = this.#options;
    const texts = secretTexts(found);
    const state = stateOf(texts, annotationOf(found, ROTATE_ANNOTATION) !== undefined);
    if (state === undefined) return undefined;
    const step = rotationStep(state, overlapMs, now);
    switch (step) {
      case "keep":
        return undefined;
      case "replace":
        log.error(
          {},
          "the mesh CA has ended; a new one takes its place, and nobody trusts it before its bundle arrives",
        );
        return this.#create(found, now, signal);
      case "prepare": {
        const next = await this.#new(now);
        log.info({ overlapMs }, "next mesh CA made: published first, and signs after the overlap");
        const { "tls.crt": cert = "", "tls.key": key = "", "ca.crt": ca = "" } = texts;
        return this.#write(
          found,
          { "tls.crt": cert, "tls.key": key, "ca.crt": ca, "next.crt": next.cert, "next.key": next.key },
          now,
          signal,
        );
      }
      case "promote": {
        const { "next.crt": cert = "", "next.key": key = "" } = texts;
        log.info({}, "next mesh CA signs; the former one stays in the bundle until what it has signed has ended");
        return this.#write(found, { "tls.crt": cert, "tls.key": key, "ca.crt": cert }, now, signal);
      }
    }
  }

  async #create(former: KubernetesObject | undefined, now: number, signal: AbortSignal): Promise<MeshAuthority> {
    const { cert, key } = await this.#new(now);
    const { log, namespace, secret } = this.#options;
    const made = await this.#write(former, { "tls.crt": cert, "tls.key": key, "ca.crt": cert }, now, signal);
    log.info({ namespace, secret }, "mesh CA made");
    return made;
  }

  #new(now: number): ReturnType<typeof createAuthority> {
    const { meshName, validityMs } = this.#options;
    return createAuthority({ meshName, now, validityMs });
  }

  async #write(
    former: KubernetesObject | undefined,
    texts: Readonly<Record<string, string>>,
    now: number,
    signal: AbortSignal,
  ): Promise<MeshAuthority> {
    const { client, namespace, secret } = this.#options;
    const wanted = secretObject("kubernetes.io/tls", texts);
    await writeObject(client, secretPlace(namespace, secret), former, wanted, signal);
    return this.#read(wanted, now);
  }
}

function stateOf(texts: Readonly<Record<string, string>>, asked: boolean): RotationState | undefined {
  const life = (text: string | undefined): { readonly notBefore: number; readonly notAfter: number } | undefined => {
    if (text === undefined) return undefined;
    try {
      const { validFromDate, validToDate } = new X509Certificate(text);
      return { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() };
    } catch {
      // Said when it is read to be used.
      return undefined;
    }
  };
  const current = life(texts["tls.crt"]);
  const next = life(texts["next.crt"]);
  if (current === undefined) return undefined;
  return { ...current, asked, ...(next !== undefined && { nextSince: next.notBefore + BACKDATE_MS }) };
}
