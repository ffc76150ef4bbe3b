/** What a status page is made of, from the objects of a test and what happened to them. */
import type { StatusFacts } from "../../../src/admin/status-page/facts.ts";
import { parseConfig } from "../../../src/config/parse.ts";
import { backendStates } from "../../../src/policy/backend-state.ts";
import { backendPort } from "../../../src/policy/model.ts";
import { supposing, type ServiceState } from "../../../src/policy/service-state.ts";
import type { PeerRow } from "../../../src/telemetry/records.ts";
import { compileObjects } from "../../conformance/world.ts";
import type { Manifest } from "../../support/mesh/objects.ts";

export const NOW = 1_800_000_000_000;

/** Ports 80 and 81 are listened on. */
export function stateOf(objects: readonly Manifest[], more: Partial<ServiceState> = {}): ServiceState {
  const listeners = new Set([backendPort(80), backendPort(81)]);
  return { ...supposing(compileObjects(objects), NOW), listeners, ...more };
}

export function factsOf(state: ServiceState, more: Partial<StatusFacts> = {}): StatusFacts {
  const settings = [
    ["manifests", ["/nowhere"]],
    ["namespace", ["test"]],
    ["service", ["foo"]],
    ["backend", ["port=80,listen=127.0.0.1:15080,app=127.0.0.1:80", "port=81,listen=[::1]:15081,app=127.0.0.1:81"]],
  ] as const;
  const raw = settings.map(([name, texts]) => [name, { texts, origin: `--${name}` }] as const);
  const config = parseConfig(new Map(raw), { parallelism: 1, inCluster: false });
  return {
    config,
    state,
    backends: backendStates(state),
    listening: config.backends,
    unready: [],
    credentials: undefined,
    credentialProblem: undefined,
    credentialFailures: 0,
    resources: [{ resource: "manifests", synced: true, freshAt: NOW - 2_000 }],
    threads: [],
    counters: undefined,
    peers: [],
    silent: [],
    ...more,
  };
}

export function peer(more: Partial<PeerRow>): PeerRow {
  return {
    port: 80,
    address: "10.9.9.9",
    tls: false,
    certificate: "unseen",
    sans: [],
    verdict: "close",
    reason: "source-not-listed",
    firstSeen: NOW - 60_000,
    lastSeen: NOW - 5_000,
    count: 1,
    ...more,
  };
}
