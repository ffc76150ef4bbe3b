/** `/peers`: the distinct callers of late and what they got, for people and for `postern explain --replay`. */
import { PEERS_KIND, PEERS_VERSION, type SeenPod } from "../policy/explain/peers-document.ts";
import { definedFields } from "../telemetry/defined-fields.ts";
import type { Page } from "./page.ts";
import type { AdminSubject } from "./subject.ts";

export async function peersPage(subject: AdminSubject): Promise<Page> {
  const { told: peers = [], silent: silentThreads = [] } = (await subject.dataPlane?.peers()) ?? {};
  const pod = podOf(subject);
  return {
    status: 200,
    body: { kind: PEERS_KIND, version: PEERS_VERSION, writtenAt: Date.now(), pod, silentThreads, peers },
  };
}

/** Without it a replay would judge as if no label of the mesh counted, and nobody were served by an audit. */
function podOf({ config, snapshot, auditUntil }: AdminSubject): SeenPod {
  const { namespace, services = snapshot.hints.services, podName, meshName } = config;
  return { namespace, services, ...definedFields({ podName, meshName, auditUntil }) };
}
