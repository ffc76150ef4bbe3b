/** Admission of backends: protocol, port, tls, duplicates, matches, unknown keys; and of two objects that claim one backend. */
import {
  backend,
  http,
  mutual,
  policy,
  policyOf,
  principal,
  range,
  serverOnly,
  service,
} from "../../support/mesh/objects.ts";
import { accepted, refused, required, type AdmissionCase, type Refusal } from "./admission.ts";

const named = principal("a.b.cluster.local");

function badProtocol(got: string): Refusal {
  return {
    at: "spec.backends[0].port.protocol",
    says: `Expected 'port.protocol' to be 'http' or 'https', got: ${got}`,
  };
}

const noPrincipal: Refusal = {
  // The mismatched quotes are OSM's own.
  says: "HTTPS ingress with client certificate validation enabled must specify at least one 'AuthenticatedPrincipal` source",
};

export const BACKEND_ADMISSION: readonly AdmissionCase[] = [
  refused("V01", "sources is a required field", policyOf({ backends: [http] }), { at: "spec.sources", says: required }),
  accepted("V01a", "an empty list of sources satisfies the schema", policy([http], [])),
  accepted("V01b", "an empty list of backends is legal", policy([], [range("10.0.0.0/8")])),
  refused("V01c", "backends is a required field", policyOf({ sources: [] }), { at: "spec.backends", says: required }),
  refused("V01d", "null sources are absent sources", policyOf({ backends: [http], sources: null }), {
    at: "spec.sources",
    says: required,
  }),
  refused("V01e", "sources must be a list", policyOf({ backends: [http], sources: {} }), {
    at: "spec.sources",
    says: /array|list/i,
  }),
  refused("V02", "an unknown protocol", policy([backend("foo", 80, "invalid")], []), badProtocol("invalid")),
  refused("V02a", "the protocol is not trimmed", policy([backend("foo", 80, "http ")], []), badProtocol("http ")),
  refused("V02b", "an empty protocol", policy([backend("foo", 80, "")], []), badProtocol("")),
  accepted("V03", "https with validation and a principal", policy([mutual], [named])),
  refused(
    "V04",
    "https with validation and no principal: OSM's intent, not its code",
    policy([mutual], []),
    noPrincipal,
  ),
  refused("V04a", "the same with a Service source", policy([mutual], [service("gw-ns/gw")]), noPrincipal),
  refused(
    "V04b",
    "without tls, https validates",
    policy([backend("foo", 80, "https")], [range("10.0.0.0/8")]),
    noPrincipal,
  ),
  accepted("V04c", "null tls is absent tls", policy([backend("foo", 80, "https", null)], [named])),
  refused(
    "V04d",
    "the rule looks at every backend",
    policy([http, backend("bar", 443, "HTTPS")], [range("10.0.0.0/8")]),
    noPrincipal,
  ),
  accepted(
    "V05",
    "server-only TLS needs no principal: OSM's intent, not its code",
    policy([serverOnly], [service("gw-ns/gw")]),
  ),
  accepted("V06", "https with validation, a Service and a principal", policy([mutual], [service("gw-ns/gw"), named])),
  accepted("V07", "server-only TLS with a principal", policy([serverOnly], [service("gw-ns/gw"), named])),
  refused("V19", "one backend listed twice", policy([http, http], []), {
    says: "Duplicate backends detected with service name: foo and port: 80",
  }),
  refused("V19a", "twice with different protocols is still twice", policy([http, mutual], [named]), {
    says: "Duplicate backends detected with service name: foo and port: 80",
  }),
  refused(
    "V19b",
    "a second backend without protocol stops at the schema",
    policyOf({ backends: [http, { name: "foo", port: { number: 80 } }], sources: [] }),
    { at: "spec.backends[1].port.protocol", says: required },
  ),
  accepted("V20", "one Service on two ports", policy([http, backend("foo", 8080, "http")], [])),
  accepted("V20a", "two Services on one port", policy([http, backend("bar", 80, "http")], [])),
  accepted(
    "V25",
    "the protocol in capitals",
    policy([backend("foo", 80, "HTTPS", { skipClientCertValidation: false })], [named]),
  ),
  accepted("V25a", "the protocol in mixed case", policy([backend("foo", 80, "Http")], [range("10.0.0.0/8")])),
  refused("V26", "tcp was never a protocol", policy([backend("foo", 80, "tcp")], []), badProtocol("tcp")),
  refused("V26a", "grpc neither", policy([backend("foo", 80, "grpc")], []), badProtocol("grpc")),
  refused("V26b", "h2c neither", policy([backend("foo", 80, "h2c")], []), badProtocol("h2c")),
  refused("V27", "port 0", policy([backend("foo", 0, "http")], []), { at: "spec.backends[0].port.number", says: /1/ }),
  refused("V27a", "port 65536", policy([backend("foo", 65_536, "http")], []), {
    at: "spec.backends[0].port.number",
    says: /65535/,
  }),
  refused("V27b", "a port as text", policy([backend("foo", "80", "http")], []), {
    at: "spec.backends[0].port.number",
    says: /number|integer/i,
  }),
  refused("V27c", "half a port", policy([backend("foo", 80.5, "http")], []), {
    at: "spec.backends[0].port.number",
    says: /int/i,
  }),
  accepted(
    "V27d",
    "the lowest and the highest port",
    policy([backend("foo", 1, "http"), backend("foo", 65_535, "http")], []),
  ),
  refused("V27e", "a backend without port", policyOf({ backends: [{ name: "foo" }], sources: [] }), {
    at: "spec.backends[0].port",
    says: required,
  }),
  refused(
    "V27f",
    "a port without number",
    policyOf({ backends: [{ name: "foo", port: { protocol: "http" } }], sources: [] }),
    { at: "spec.backends[0].port.number", says: required },
  ),
  refused(
    "V27g",
    "a backend without name",
    policyOf({ backends: [{ port: { number: 80, protocol: "http" } }], sources: [] }),
    { at: "spec.backends[0].name", says: required },
  ),
  refused(
    "V28",
    "tls must say what it does with client certificates",
    policy([backend("foo", 443, "https", { sniHosts: ["a.b"] })], [named]),
    { at: "spec.backends[0].tls.skipClientCertValidation", says: required },
  ),
  refused("V28a", "also where it has no effect", policy([backend("foo", 80, "http", {})], []), {
    at: "spec.backends[0].tls.skipClientCertValidation",
    says: required,
  }),
  refused(
    "V28b",
    "the misspelt key leaves the real one missing",
    policy([backend("foo", 443, "https", { skipClientCertificateValidation: true })], [named]),
    { at: "spec.backends[0].tls.skipClientCertValidation", says: required },
  ),
  refused(
    "V28c",
    "a yes-or-no as text",
    policy([backend("foo", 443, "https", { skipClientCertValidation: "false" })], [named]),
    { at: "spec.backends[0].tls.skipClientCertValidation", says: /boolean/i },
  ),
  refused(
    "V28d",
    "null where yes or no is required",
    policy([backend("foo", 443, "https", { skipClientCertValidation: null })], [named]),
    { at: "spec.backends[0].tls.skipClientCertValidation", says: required },
  ),
  refused(
    "V28e",
    "server names must be a list",
    policy([backend("foo", 443, "https", { skipClientCertValidation: false, sniHosts: "a.b" })], [named]),
    { at: "spec.backends[0].tls.sniHosts", says: /array|list/i },
  ),
  accepted(
    "V28f",
    "null server names are absent",
    policy([backend("foo", 443, "https", { skipClientCertValidation: false, sniHosts: null })], [named]),
  ),
  accepted(
    "V28g",
    "OSM has no rule for the shape of server names",
    policy([backend("foo", 443, "https", { skipClientCertValidation: false, sniHosts: ["*", "foo*.x", ""] })], [named]),
    { warns: /sni/i },
  ),
  refused(
    "V29",
    "a match without apiGroup",
    policyOf({ backends: [http], sources: [], matches: [{ kind: "HTTPRouteGroup", name: "x" }] }),
    { at: "spec.matches[0].apiGroup", says: required },
  ),
  accepted(
    "V29a",
    "complete matches are accepted, and reported as ignored",
    policyOf({
      backends: [http],
      sources: [range("10.0.0.0/8")],
      matches: [{ apiGroup: "specs.smi-spec.io/v1alpha4", kind: "HTTPRouteGroup", name: "x" }],
    }),
    { warns: /ignored|no effect/i },
  ),
  accepted("V29b", "null matches are absent", policyOf({ backends: [http], sources: [], matches: null })),
  accepted(
    "V30",
    "an unknown key is pruned, with a warning",
    policyOf({ backends: [http], sources: [range("10.0.0.0/8")], gateways: ["edge"] }),
    { warns: /gateways/ },
  ),
  accepted(
    "V30a",
    "so is one inside a backend",
    policyOf({ backends: [{ ...http, weight: 3 }], sources: [range("10.0.0.0/8")] }),
    { warns: /weight/ },
  ),
];

const conflict: Refusal = { says: /test-1 conflicts with default\/test-2/ };
const claimed = policy([http], [], "default/test-1");

export const CONFLICT_ADMISSION: readonly AdmissionCase[] = [
  refused("V21", "another object claims the backend: OSM's rule never fires, Postern's does", claimed, conflict, {
    beside: [policy([http], [], "default/test-2", "2024-01-01T00:00:00Z")],
  }),
  refused(
    "V22",
    "a clash names the backend and both objects",
    claimed,
    { says: /Backend foo specified in test-1 and test-2 conflicts/ },
    { beside: [policy([http], [], "default/test-2", "2024-01-01T00:00:00Z")] },
  ),
  accepted("V23", "another port of the same Service is no clash", claimed, {
    beside: [policy([backend("foo", 8080, "http")], [], "default/test-2")],
  }),
  accepted("V24", "another namespace is no clash", claimed, { beside: [policy([http], [], "elsewhere/test-2")] }),
  accepted("V24a", "another Service on the same port is no clash at admission", claimed, {
    beside: [policy([backend("bar", 80, "http")], [], "default/test-2")],
  }),
  refused("V24b", "the protocol does not tell backends apart", claimed, conflict, {
    beside: [policy([mutual], [named], "default/test-2", "2024-01-01T00:00:00Z")],
  }),
];
