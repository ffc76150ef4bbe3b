/** Leaf and CA of a run's mesh, replaced under way; a caller of a CA that is gone must be refused. */
import { setTimeout as delay } from "node:timers/promises";
import { tryCall } from "../support/caller/caller.ts";
import { KEPT_MS } from "./lane.ts";
import type { MeshInRotation } from "./mesh-in-rotation.ts";
import type { MountedVolume } from "./mounted-volume.ts";
import type { Tally } from "./tally.ts";

export const LEAF_MS = 5_000;
/** From a new CA's arrival in the bundle to its first certificate: what the sidecar has to read it in. */
export const OVERLAP_MS = 30_000;
/** From the last caller of a CA to the day it leaves: connections of its callers are over by then, and a slow step too. */
const LEAVING_MS = KEPT_MS + 45_000;
/** From a bundle's change to the refusal of whom it no longer vouches for. */
const REFUSED_MS = 15_000;

export class CertificateRotation {
  readonly #mesh: MeshInRotation;
  readonly #volume: MountedVolume;
  readonly #tally: Tally;
  leaves = 1;
  authorities = 1;

  constructor(mesh: MeshInRotation, volume: MountedVolume, tally: Tally) {
    this.#mesh = mesh;
    this.#volume = volume;
    this.#tally = tally;
  }

  /** @param pause resolves with whether the run goes on */
  async renewLeaves(pause: (ms: number) => Promise<boolean>): Promise<void> {
    while (await pause(LEAF_MS)) this.#write();
  }

  async renewAuthorities(port: number, pause: (ms: number) => Promise<boolean>): Promise<void> {
    for (let wait = OVERLAP_MS; await pause(wait); wait = LEAVING_MS) {
      this.#mesh.addAuthority();
      this.authorities += 1;
      this.#write();
      await this.#expectStrayRefused(port);
      if (!(await pause(OVERLAP_MS))) return;
      this.#mesh.switchIssuer();
      this.#write();
    }
  }

  #write(): void {
    this.leaves += 1;
    this.#volume.write(this.#mesh.nextLeaf(), this.#mesh.bundle);
  }

  async #expectStrayRefused(port: number): Promise<void> {
    const pair = this.#mesh.strayCaller;
    if (pair === undefined) return;
    const deadline = performance.now() + REFUSED_MS;
    while ("status" in (await tryCall({ port, tls: { ca: this.#mesh.bundle, pair } }))) {
      if (performance.now() > deadline) return this.#tally.fault("a caller of a CA that is gone was let in");
      await delay(250);
    }
    this.#tally.step("callers of a CA that is gone, refused");
  }
}
