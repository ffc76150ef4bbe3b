/** Admission of sources: kinds, names, namespaces and ranges. */
import { http, mutual, policy, policyOf, principal, range, service } from "../../support/mesh/objects.ts";
import { accepted, refused, required, type AdmissionCase, type Refusal } from "./admission.ts";

const badKind: Refusal = {
  at: "spec.sources[0].kind",
  says: "Invalid 'source.kind' value specified. Must be one of: Service, AuthenticatedPrincipal, IPRange",
};

/** A range as OSM's parser (Go's) takes it. */
const RANGES: readonly (readonly [id: string, text: string, valid: boolean, about: string])[] = [
  ["V08", "10.0.0.0/10", true, "a range"],
  ["V09", "invalid", false, "a range that is none"],
  ["V10", "10.0.0.1", false, "a bare address is not a range"],
  ["V11", "2001:db8::/32", true, "an IPv6 range"],
  ["V12", "10.0.0.0/33", false, "a prefix longer than an IPv4 address"],
  ["V12a", "2001:db8::/129", false, "a prefix longer than an IPv6 address"],
  ["V12b", "010.0.0.0/8", false, "an octet with a leading zero"],
  ["V12c", "10.0.0.0/08", true, "a prefix length with a leading zero is fine in Go"],
  ["V12d", " 10.0.0.0/8", false, "a range with a space before it"],
  ["V12e", "10.0.0.0/255.0.0.0", false, "a range with a mask"],
  ["V12f", "fe80::1%eth0/64", false, "a range with a zone"],
  ["V12g", "", false, "an empty range"],
  ["V12h", "0.0.0.0/0", true, "all of IPv4"],
  ["V12i", "::/0", true, "all of IPv6"],
  ["V12j", "::ffff:10.0.0.0/104", true, "IPv4 written as mapped IPv6"],
  ["V12k", "10.1.2.3/8", true, "host bits may be set"],
  ["V12m", "10.0.0.0/", false, "a range without prefix length"],
  ["V12n", "10.0.0/8", false, "three octets"],
  ["V12o", "10.0.0.0/-1", false, "a negative prefix length"],
  ["V12p", "10.0.0.0/+8", false, "a prefix length with a sign"],
  ["V12q", "10.0.0.0/8/8", false, "two prefix lengths"],
  ["V12r", "10.0.0.256/8", false, "an octet beyond 255"],
  ["V12s", "fd00::1::/64", false, "two gaps in an IPv6 range"],
];

export const SOURCE_ADMISSION: readonly AdmissionCase[] = [
  ...RANGES.map(([id, text, valid, about]) => {
    const object = policy([http], [range(text)]);
    if (valid) return accepted(id, about, object);
    const says = `Invalid 'source.name' value specified for IPRange. Expected CIDR notation 'a.b.c.d/x', got '${text}'`;
    return refused(id, about, object, { at: "spec.sources[0].name", says });
  }),
  accepted("V12l", "single addresses as ranges", policy([http], [range("10.0.0.1/32"), range("fd00::1/128")])),
  accepted("V13", "a Service that may not exist", policy([http], [service("bar/foo")])),
  refused(
    "V14",
    "a Service source without name",
    policyOf({ backends: [http], sources: [{ kind: "Service", namespace: "bar" }] }),
    { at: "spec.sources[0].name", says: required },
  ),
  refused("V14a", "a Service source with an empty name", policy([http], [service("bar/")]), {
    at: "spec.sources[0].name",
    says: "'source.name' not specified for source kind Service",
  }),
  refused(
    "V14b",
    "null is not a name",
    policyOf({ backends: [http], sources: [{ kind: "Service", namespace: "bar", name: null }] }),
    { at: "spec.sources[0].name", says: required },
  ),
  refused(
    "V15",
    "a Service source without namespace",
    policyOf({ backends: [http], sources: [{ kind: "Service", name: "gw" }] }),
    { at: "spec.sources[0].namespace", says: "'source.namespace' not specified for source kind Service" },
  ),
  refused(
    "V15a",
    "a Service source with an empty namespace",
    policyOf({ backends: [http], sources: [{ kind: "Service", name: "gw", namespace: "" }] }),
    { at: "spec.sources[0].namespace", says: "'source.namespace' not specified for source kind Service" },
  ),
  refused(
    "V15b",
    "a null namespace is no namespace",
    policyOf({ backends: [http], sources: [{ kind: "Service", name: "gw", namespace: null }] }),
    { at: "spec.sources[0].namespace", says: "'source.namespace' not specified for source kind Service" },
  ),
  refused("V16", "a principal with an empty name", policy([http], [principal("")]), {
    at: "spec.sources[0].name",
    says: "'source.name' not specified for source kind AuthenticatedPrincipal",
  }),
  accepted("V16a", "a principal that is a space", policy([mutual], [principal(" ")])),
  accepted("V16b", "the wildcard principal", policy([mutual], [principal("*")])),
  accepted(
    "V16c",
    "a principal with a namespace it does not need",
    policyOf({ backends: [mutual], sources: [{ kind: "AuthenticatedPrincipal", name: "a", namespace: "b" }] }),
  ),
  accepted("V16d", "a SPIFFE principal", policy([mutual], [principal("spiffe://cluster.local/gw/gw-ns")])),
  refused(
    "V17",
    "a source with neither known kind nor name",
    policyOf({ backends: [http], sources: [{ kind: "invalid" }] }),
    { at: "spec.sources[0].name", says: required },
  ),
  refused(
    "V17a",
    "an unknown kind",
    policyOf({ backends: [http], sources: [{ kind: "invalid", name: "x" }] }),
    badKind,
  ),
  refused(
    "V18",
    "kinds are compared letter by letter",
    policyOf({ backends: [http], sources: [{ kind: "service", name: "gw", namespace: "gw-ns" }] }),
    badKind,
  ),
  refused("V18a", "a source without kind", policyOf({ backends: [http], sources: [{ name: "x" }] }), {
    at: "spec.sources[0].kind",
    says: required,
  }),
  refused("V18b", "an empty kind", policyOf({ backends: [http], sources: [{ kind: "", name: "x" }] }), badKind),
  accepted("V18c", "one source twice", policy([http], [range("10.0.0.0/8"), range("10.0.0.0/8")])),
  refused("V18d", "a wrong source behind a good one", policy([http], [service("gw-ns/gw"), range("x")]), {
    at: "spec.sources[1].name",
    says: /got 'x'/,
  }),
];
