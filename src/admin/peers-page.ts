/** `/peers`: the distinct callers of late and what they got, for people and for `postern explain --replay`. */
import { PEERS_KIND, PEERS_VERSION } from "../policy/peers-document.ts";
import type { Page } from "./page.ts";
import type { AdminSubject } from "./subject.ts";

export async function peersPage({ dataPlane }: AdminSubject): Promise<Page> {
  const { told: peers = [], silent: silentThreads = [] } = (await dataPlane?.peers()) ?? {};
  return {
    status: 200,
    body: { kind: PEERS_KIND, version: PEERS_VERSION, writtenAt: Date.now(), silentThreads, peers },
  };
}
