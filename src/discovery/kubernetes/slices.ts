/** EndpointSlices of one Service: the addresses behind a source, and the ports of a Service of our own. */
import { isDeepStrictEqual } from "node:util";
import { parseEndpointSlice, SERVICE_LABEL } from "../../policy/objects/parse-endpoints.ts";
import type { ParsedEndpoints } from "../../policy/objects/parse-endpoints.ts";
import type { ServiceEndpoints } from "../../policy/model.ts";
import { Reflector } from "../../api-server/watch/reflector.ts";
import type { ReflectorEnvironment } from "../../api-server/watch/reflector-environment.ts";

export function slicePath(namespace: string): string {
  return `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
}

export function sliceReflector(
  environment: ReflectorEnvironment,
  namespace: string,
  service: string,
  onChange: () => void,
): Reflector<ParsedEndpoints> {
  return new Reflector<ParsedEndpoints>(environment, {
    resource: `endpointslices ${namespace}/${service}`,
    path: slicePath(namespace),
    selector: { labelSelector: `${SERVICE_LABEL}=${service}` },
    // Controllers touch slices (trigger times, labels) without any address changing.
    project: (object, _identity, previous) => {
      const parsed = parseEndpointSlice(object);
      return isDeepStrictEqual(parsed, previous) ? previous : parsed;
    },
    onChange,
  });
}

/** The union of slices; an endpoint may stand in two of them for a moment, which costs nothing at compile time. */
export function unionOf(slices: Iterable<ParsedEndpoints>): ServiceEndpoints {
  const all = [...slices];
  return {
    endpoints: all.flatMap((slice) => slice.endpoints),
    notReady: all.flatMap((slice) => slice.notReady),
  };
}
