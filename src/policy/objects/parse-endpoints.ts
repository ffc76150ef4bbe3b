/** EndpointSlice (discovery.k8s.io/v1) and Endpoints (v1) objects: which addresses stand behind a Service. */
import { readAddress } from "../address/address.ts";
import { objectKey, type Endpoint, type ObjectKey } from "../model.ts";
import { asArray, asRecord, asString, field, isPort, type UnknownRecord } from "./unknown.ts";

/** A port that a slice carries: the number behind a named target port, and its protocol where declared. */
export interface EndpointPort {
  readonly number: number;
  readonly appProtocol?: string;
}

/** What one EndpointSlice or Endpoints object says of its Service. */
export interface ParsedEndpoints {
  readonly service: ObjectKey;
  readonly name: string;
  readonly namespace: string;
  /** What is no address is left out: it would stand for an endpoint that can match nobody. */
  readonly endpoints: readonly Endpoint[];
  /** Those that do not count yet. */
  readonly notReady: readonly Endpoint[];
  readonly ports: readonly EndpointPort[];
}

/** Label by which a slice names its Service. */
export const SERVICE_LABEL = "kubernetes.io/service-name";

/**
 * `undefined` for a slice that belongs to no Service or holds names instead of addresses. An address that does not fit
 * `addressType` is left out.
 */
export function parseEndpointSlice(object: unknown): ParsedEndpoints | undefined {
  const root = asRecord(object);
  const metadata = asRecord(field(root, "metadata"));
  const service = asString(field(asRecord(field(metadata, "labels")), SERVICE_LABEL));
  const addressType = field(root, "addressType");
  if (service === undefined || service === "" || addressType === "FQDN") return undefined;
  const namespace = asString(field(metadata, "namespace")) ?? "default";
  return {
    service: objectKey(namespace, service),
    name: asString(field(metadata, "name")) ?? "",
    namespace,
    ...readSliceEndpoints(field(root, "endpoints"), addressType),
    ports: readPorts(field(root, "ports")),
  };
}

/** Ready addresses of an Endpoints object, which bears its Service's own name. */
export function parseEndpoints(object: unknown): ParsedEndpoints | undefined {
  const root = asRecord(object);
  const metadata = asRecord(field(root, "metadata"));
  const name = asString(field(metadata, "name"));
  if (name === undefined || name === "") return undefined;
  const namespace = asString(field(metadata, "namespace")) ?? "default";
  const subsets = asArray(field(root, "subsets")).flatMap((subset) =>
    asRecord(subset) === undefined ? [] : [asRecord(subset)],
  );
  return {
    service: objectKey(namespace, name),
    name,
    namespace,
    endpoints: subsets.flatMap((subset) => asArray(field(subset, "addresses")).flatMap(readAddressEntry)),
    notReady: subsets.flatMap((subset) => asArray(field(subset, "notReadyAddresses")).flatMap(readAddressEntry)),
    ports: subsets.flatMap((subset) => readPorts(field(subset, "ports"))),
  };
}

/**
 * A gateway pod that is terminating still sends, so its endpoint counts until it disappears, whether or not it was ever ready.
 * Of the others those count that are ready or serving. An absent `ready` means true. What is no boolean, which an
 * API server does not take and a file can hold, does not count.
 */
function counts(endpoint: UnknownRecord | undefined): boolean {
  const value = field(endpoint, "conditions");
  if (value === undefined) return true;
  const conditions = asRecord(value);
  if (conditions === undefined) return false;
  const ready = field(conditions, "ready");
  return (
    ready === undefined ||
    ready === true ||
    field(conditions, "serving") === true ||
    field(conditions, "terminating") === true
  );
}

const words = new Uint32Array(4);

/** @param addressType of the slice; a value that is none of Kubernetes' own is fit by nothing */
function fits(address: unknown, addressType: unknown): address is string {
  if (typeof address !== "string") return false;
  const family = readAddress(address, words);
  switch (addressType) {
    case undefined:
      return family !== 0;
    case "IPv4":
      return family === 4;
    // An IPv4-mapped address is written as IPv6, and is the IPv4 address.
    case "IPv6":
      return family !== 0 && address.includes(":");
    default:
      return false;
  }
}

function readSliceEndpoints(value: unknown, addressType: unknown): Pick<ParsedEndpoints, "endpoints" | "notReady"> {
  const endpoints: Endpoint[] = [];
  const notReady: Endpoint[] = [];
  for (const entry of asArray(value)) {
    const endpoint = asRecord(entry);
    const uid = podUid(endpoint);
    const into = counts(endpoint) ? endpoints : notReady;
    for (const address of asArray(field(endpoint, "addresses")))
      if (fits(address, addressType)) into.push({ address, ...uid });
  }
  return { endpoints, notReady };
}

function readAddressEntry(value: unknown): readonly Endpoint[] {
  const entry = asRecord(value);
  const address = field(entry, "ip");
  return fits(address, undefined) ? [{ address, ...podUid(entry) }] : [];
}

function podUid(endpoint: UnknownRecord | undefined): { readonly uid?: string } {
  const uid = asString(field(asRecord(field(endpoint, "targetRef")), "uid"));
  return uid === undefined ? {} : { uid };
}

function readPorts(value: unknown): readonly EndpointPort[] {
  return asArray(value).flatMap((entry) => {
    const port = asRecord(entry);
    const number = field(port, "port");
    const appProtocol = asString(field(port, "appProtocol"));
    return isPort(number) ? [{ number, ...(appProtocol !== undefined && { appProtocol }) }] : [];
  });
}
