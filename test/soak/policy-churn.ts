/** Rights that come and go for as long as a run lasts, with and without an API server that is there to tell it. */
import { setTimeout as delay } from "node:timers/promises";
import { sliceOf } from "../discovery/kubernetes/suite/objects.ts";
import type { ManifestLike } from "../support/api-server/api-caller.ts";
import { tryCall, type CallerTls } from "../support/caller/caller.ts";
import { backend, policy, principal, range, service } from "../support/mesh/objects.ts";
import type { SoakServer } from "./api-server.ts";
import { GATEWAY } from "./mesh-in-rotation.ts";
import { wordsOf, type Tally } from "./tally.ts";

const FLIP_MS = 4_000;
/** From a write to its enforcement, on a machine that is busy with everything else. */
const ENFORCED_MS = 60_000;
const LOOK_MS = 20;
const SECONDS_AWAY = 8;
/** The server goes away with every such change. */
const OUTAGE_EVERY = 15;
export const OUTAGE_MS = FLIP_MS * OUTAGE_EVERY;
const EDGE = "gateways/edge";

export interface Churn {
  readonly port: number;
  readonly tls: () => CallerTls;
  readonly server: SoakServer;
  readonly tally: Tally;
  readonly running: () => boolean;
}

const mutual = (port: number): object => backend("foo", port, "https", { skipClientCertValidation: false });

function policyObject(...more: readonly object[]): ManifestLike {
  const sources = [range("127.0.0.1/32"), principal(GATEWAY), service(EDGE), ...more];
  return { ...policy([mutual(80), mutual(81)], sources, "test/ib") };
}

const sliceObject = (...addresses: readonly string[]): ManifestLike =>
  sliceOf(EDGE, "edge-1", ["10.99.0.10", ...addresses]);

export async function furnish({ cluster }: SoakServer): Promise<void> {
  await cluster.api.apply(policyObject(), sliceObject());
}

export class PolicyChurn {
  readonly #churn: Churn;
  outages = 0;
  /** From a write to its enforcement, ms: the longest while server and threads were there; and after an outage, from its end. */
  longestMs = 0;
  longestAfterOutageMs = 0;

  constructor(churn: Churn) {
    this.#churn = churn;
  }

  async run(): Promise<void> {
    const { running, tally } = this.#churn;
    for (let count = 1; running(); count += 1) {
      try {
        if (count % OUTAGE_EVERY === 0) await this.#flipUnseen(count);
        else await this.#flip(count);
      } catch (error) {
        tally.fault(`a write to the API server: ${wordsOf(error)}`);
        await delay(FLIP_MS);
      }
    }
  }

  /** The visitor is an endpoint, then listed by the policy itself; between these it has no right. */
  async #write(count: number): Promise<boolean> {
    const { server } = this.#churn;
    const listed = count % 2 === 1;
    const byPolicy = Math.floor((count - 1) / 2) % 2 === 1;
    const object = byPolicy
      ? policyObject(...(listed ? [range(`${server.visitor}/32`)] : []))
      : sliceObject(...(listed ? [server.visitor] : []));
    await server.cluster.api.replace(object);
    return listed;
  }

  async #flip(count: number): Promise<void> {
    const begun = performance.now();
    const listed = await this.#write(count);
    const tookMs = await this.#enforced(listed, begun);
    if (!this.#churn.tally.disruptedSince(begun)) this.longestMs = Math.max(this.longestMs, tookMs);
    this.#churn.tally.step("policy changes, enforced");
    await delay(Math.max(0, begun + FLIP_MS - performance.now()));
    if (!listed && (await this.#isServed()))
      this.#churn.tally.fault("the visitor is not listed any more and was served");
  }

  /** The change is made where the sidecar cannot see it, and history is forgotten meanwhile. */
  async #flipUnseen(count: number): Promise<void> {
    const { server } = this.#churn;
    this.outages += 1;
    await server.cluster.link.remove();
    let listed: boolean;
    try {
      listed = await this.#write(count);
      await Promise.all([server.restart(), delay(SECONDS_AWAY * 1_000)]);
    } finally {
      await server.cluster.link.restore();
    }
    const begun = performance.now();
    this.longestAfterOutageMs = Math.max(this.longestAfterOutageMs, await this.#enforced(listed, begun));
    this.#churn.tally.step("policy changes in an outage, enforced after it");
  }

  /** @returns milliseconds since `begun` until the visitor gets what it should */
  async #enforced(listed: boolean, begun: number): Promise<number> {
    for (;;) {
      const served = await this.#isServed();
      const tookMs = performance.now() - begun;
      if (served === listed) return tookMs;
      if (tookMs > ENFORCED_MS) {
        const words = listed ? "listed, and is not served" : "not listed, and is served";
        this.#churn.tally.fault(`the visitor is ${words} after ${ENFORCED_MS / 1_000} s`);
        return tookMs;
      }
      await delay(LOOK_MS);
    }
  }

  async #isServed(): Promise<boolean> {
    const { port, tls, server } = this.#churn;
    const outcome = await tryCall({ port, tls: tls(), from: server.visitor });
    return "status" in outcome && outcome.status === 200;
  }
}
