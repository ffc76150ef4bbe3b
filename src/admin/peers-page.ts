/** `/peers`: the distinct callers of late and what they got, for people and for `postern explain --replay`. */
import { PEERS_KIND, PEERS_VERSION, type SeenPod } from "../policy/peers-document.ts";
import { definedFields } from "../telemetry/defined-fields.ts";
import type { Page } from "./page.ts";
import type { AdminSubject } from "./subject.ts";

export async function peersPage(subject: AdminSubject): Promise<Page> {
  const peers = (await subject.dataPlane?.peers()) ?? [];
  const body = { kind: PEERS_KIND, version: PEERS_VERSION, writtenAt: Date.now(), pod: podOf(subject), peers };
  return { status: 200, body };
}

/** Without it a replay would judge as if no label of the mesh counted. */
function podOf({ config, snapshot }: AdminSubject): SeenPod {
  const { namespace, services = snapshot.hints.services, podName, meshName } = config;
  return { namespace, services, ...definedFields({ podName, meshName }) };
}
