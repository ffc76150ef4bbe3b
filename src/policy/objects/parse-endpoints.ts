/** EndpointSlice (discovery.k8s.io/v1) and Endpoints (v1) objects: which addresses stand behind a Service. */
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
  readonly endpoints: readonly Endpoint[];
  /** Those that do not count yet. */
  readonly notReady: readonly Endpoint[];
  readonly ports: readonly EndpointPort[];
}

/** Label by which a slice names its Service. */
const SERVICE_LABEL = "kubernetes.io/service-name";

/** `undefined` for a slice that belongs to no Service or holds names instead of addresses. */
export function parseEndpointSlice(object: unknown): ParsedEndpoints | undefined {
  const root = asRecord(object);
  const metadata = asRecord(field(root, "metadata"));
  const service = asString(field(asRecord(field(metadata, "labels")), SERVICE_LABEL));
  if (service === undefined || service === "" || field(root, "addressType") === "FQDN") return undefined;
  const namespace = asString(field(metadata, "namespace")) ?? "default";
  return {
    service: objectKey(namespace, service),
    name: asString(field(metadata, "name")) ?? "",
    namespace,
    ...readSliceEndpoints(field(root, "endpoints")),
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
 * An endpoint counts until it disappears: a gateway pod that is terminating still sends, and one that was never ready
 * does not. An absent `ready` means true.
 */
function counts(endpoint: UnknownRecord | undefined): boolean {
  const conditions = asRecord(field(endpoint, "conditions"));
  return (
    field(conditions, "ready") !== false ||
    field(conditions, "serving") === true ||
    field(conditions, "terminating") === true
  );
}

function readSliceEndpoints(value: unknown): Pick<ParsedEndpoints, "endpoints" | "notReady"> {
  const endpoints: Endpoint[] = [];
  const notReady: Endpoint[] = [];
  for (const entry of asArray(value)) {
    const endpoint = asRecord(entry);
    const uid = podUid(endpoint);
    const into = counts(endpoint) ? endpoints : notReady;
    for (const address of asArray(field(endpoint, "addresses")))
      if (typeof address === "string") into.push({ address, ...uid });
  }
  return { endpoints, notReady };
}

function readAddressEntry(value: unknown): readonly Endpoint[] {
  const entry = asRecord(value);
  const address = asString(field(entry, "ip"));
  return address === undefined ? [] : [{ address, ...podUid(entry) }];
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
