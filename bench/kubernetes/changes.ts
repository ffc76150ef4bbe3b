/**
 * The world that is measured, 10,000 endpoints in 100 slices, and the changes that are made to it: an endpoint that leaves
 * a slice, and a policy that drops one of its sources.
 */
import type { ApiCaller, ManifestLike } from "../../test/support/api-server/api-caller.ts";
import { sliceOf } from "../../test/discovery/kubernetes/suite/objects.ts";
import { backend, policy, range, service } from "../../test/support/mesh/objects.ts";

export const SLICES = 100;
export const ENDPOINTS_PER_SLICE = 100;
export const HTTP_PORT = 80;
export const STREAM_PORT = 81;

const EDGE = "gateways/edge";
/** Let in by the policy itself; loopback, because no slice has to hold it. */
const LISTED = "127.0.5.2";

const SLICE_PATH = "/apis/discovery.k8s.io/v1/namespaces/gateways/endpointslices";
const POLICY_PATH = "/apis/policy.openservicemesh.io/v1alpha1/namespaces/test/ingressbackends/ib";

/** A right that one write gives and one write takes away. */
export interface Change {
  readonly title: string;
  /** The address that it is about. */
  readonly address: string;
  readonly give: () => Promise<unknown>;
  /** Resolves when the server has answered. */
  readonly take: () => Promise<unknown>;
}

function addressesOf(slice: number): readonly string[] {
  // The first slice has room for the visitor.
  const count = slice === 0 ? ENDPOINTS_PER_SLICE - 1 : ENDPOINTS_PER_SLICE;
  return Array.from({ length: count }, (_, index) => `10.100.${slice}.${index + 1}`);
}

function edgeSlice(index: number, addresses: readonly string[]): ManifestLike {
  return sliceOf(EDGE, `edge-${index}`, addresses);
}

/** A merge patch needs no version, so that one request is one change. */
function patchSlice(api: ApiCaller, index: number, addresses: readonly string[]): Promise<unknown> {
  const { endpoints } = edgeSlice(index, addresses) as ManifestLike & { readonly endpoints: unknown };
  return api.ask("PATCH", `${SLICE_PATH}/edge-${index}`, { endpoints }, "application/merge-patch+json");
}

export async function furnish(api: ApiCaller): Promise<void> {
  const backends = [backend("foo", HTTP_PORT, "http"), backend("foo", STREAM_PORT, "http")];
  await api.apply({ ...policy(backends, [service(EDGE), range(`${LISTED}/32`)], "test/ib") });
  for (let slice = 0; slice < SLICES; slice += 1) await api.apply(edgeSlice(slice, addressesOf(slice)));
}

/** @param address one that this machine can call from, and that the server takes for an endpoint */
export function endpointLeaves(api: ApiCaller, address: string): Change {
  const others = addressesOf(0);
  return {
    title: "endpoint leaves",
    address,
    give: () => patchSlice(api, 0, [...others, address]),
    take: () => patchSlice(api, 0, others),
  };
}

export function policyDropsSource(api: ApiCaller): Change {
  const write = (...sources: readonly object[]): Promise<unknown> =>
    api.ask("PATCH", POLICY_PATH, { spec: { sources } }, "application/merge-patch+json");
  return {
    title: "policy drops a range",
    address: LISTED,
    give: () => write(service(EDGE), range(`${LISTED}/32`)),
    take: () => write(service(EDGE)),
  };
}

/** Endpoints of the other slices come and go until disposed of, as in a cluster that is being rolled out. */
export function churn(api: ApiCaller, perSecond: number): AsyncDisposable {
  const stopping = new AbortController();
  const running = keepChanging(api, perSecond, stopping.signal);
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function keepChanging(api: ApiCaller, perSecond: number, signal: AbortSignal): Promise<void> {
  let next = performance.now();
  for (let count = 0; !signal.aborted; count += 1) {
    const slice = 1 + (count % (SLICES - 1));
    const addresses = addressesOf(slice);
    await patchSlice(api, slice, Math.floor(count / (SLICES - 1)) % 2 === 0 ? addresses.slice(1) : addresses);
    next += 1_000 / perSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
}
