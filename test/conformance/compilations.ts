/** What a world is compiled to: the rule of one port, and what each policy's status says. */
import type { RefusalReason } from "../../src/policy/decision.ts";
import {
  backend,
  http,
  mutual,
  namespaceObject,
  policy,
  policyOf,
  principal,
  range,
  serverOnly,
  service,
  serviceObject,
  slice,
  withSni,
  type Manifest,
} from "../support/mesh/objects.ts";

const GATEWAY = "10.0.0.10";
const NAME = "gw.gw-ns.cluster.local";
/** The application's Service and the live gateway, the world of most rows. */
const WORLD: readonly Manifest[] = [serviceObject("test/foo", 80), slice("gw-ns/gw", GATEWAY)];

export interface OpenShape {
  readonly protocol: "http" | "https";
  readonly clientCertificate: boolean;
  /** Labels of the entries that can let an address in, none for nobody; absent: any address. */
  readonly sources?: readonly string[];
  readonly principals: "any" | readonly string[];
  readonly sni?: readonly string[];
}

export interface StatusShape {
  readonly policy?: string;
  readonly currentStatus: "committed" | "error";
  readonly reason: string | RegExp;
  readonly warns?: RegExp;
}

export interface CompileCase {
  readonly id: string;
  readonly about: string;
  readonly objects: readonly Manifest[];
  readonly meshName?: string;
  /** Absent: 80. */
  readonly port?: number;
  readonly rule: "none" | OpenShape | { readonly closed: RefusalReason };
  readonly statuses?: readonly StatusShape[];
}

const OLD = "2024-01-01T00:00:00Z";
const NEW = "2024-06-01T00:00:00Z";
const COMMITTED: StatusShape = { currentStatus: "committed", reason: "successfully committed by the system" };
const missing = (name: string): StatusShape => ({
  currentStatus: "error",
  reason: `endpoints not found for service ${name}`,
});
const openTo = (...sources: string[]): OpenShape => ({
  protocol: "http",
  clientCertificate: false,
  sources,
  principals: "any",
});
const gateway = "Service gw-ns/gw";
const named: OpenShape = { protocol: "https", clientCertificate: true, principals: [NAME] };

export const COMPILATIONS: readonly CompileCase[] = [
  { id: "P01", about: "no policy, no rule", objects: WORLD, rule: "none", statuses: [] },
  {
    id: "P02",
    about: "http with a Service",
    objects: [...WORLD, policy([http], [service("gw-ns/gw")])],
    rule: openTo(gateway),
    statuses: [COMMITTED],
  },
  {
    id: "P03",
    about: "https with a Service, a server name and a principal",
    objects: [...WORLD, policy([withSni("foo.org")], [service("gw-ns/gw"), principal(NAME)])],
    rule: { ...named, sources: [gateway], sni: ["foo.org"] },
    statuses: [COMMITTED],
  },
  {
    id: "P04",
    about: "server-only TLS drops the principals and keeps the addresses",
    objects: [...WORLD, policy([serverOnly], [service("gw-ns/gw"), principal(NAME)])],
    rule: { protocol: "https", clientCertificate: false, sources: [gateway], principals: "any" },
    statuses: [COMMITTED],
  },
  {
    id: "P05",
    about: "the only source Service has no endpoints",
    objects: [policy([http], [service("gw-ns/unknown")])],
    rule: openTo(),
    statuses: [missing("gw-ns/unknown")],
  },
  {
    id: "P05a",
    about: "one of two source Services has no endpoints",
    objects: [...WORLD, policy([http], [service("gw-ns/gw"), service("gw-ns/unknown")])],
    rule: openTo(gateway),
    statuses: [missing("gw-ns/unknown")],
  },
  {
    id: "P06",
    about: "an invalid range is left out",
    objects: [policy([http], [range("10.0.0.0/10"), range("20.0.0.0/10"), range("invalid")])],
    rule: openTo("IPRange 10.0.0.0/10", "IPRange 20.0.0.0/10"),
    statuses: [{ ...COMMITTED, warns: /got 'invalid'/ }],
  },
  {
    id: "P07",
    about: "the Service's port is not the backend port",
    objects: [serviceObject("test/foo", 80, 90), policy([http], [range("10.0.0.0/10")])],
    port: 90,
    rule: "none",
  },
  {
    id: "P08",
    about: "of several objects, the one that names the backend",
    objects: [
      ...WORLD,
      policy([http, backend("other", 80, "http")], [service("gw-ns/gw")], "test/one"),
      policy([backend("third", 80, "http")], [range("10.0.0.0/8")], "test/two"),
    ],
    rule: openTo(gateway),
  },
  {
    id: "P09",
    about: "an object of another namespace is not for this pod",
    objects: [...WORLD, policy([http], [service("gw-ns/gw")], "elsewhere/ib")],
    rule: "none",
  },
  {
    id: "P10",
    about: "the loser of a conflict says who won",
    objects: [
      ...WORLD,
      policy([http], [service("gw-ns/gw")], "test/x", "2024-01-01T00:00:00Z"),
      policy([http], [range("10.0.0.0/8")], "test/y", "2024-01-02T00:00:00Z"),
    ],
    rule: openTo(gateway),
    statuses: [
      { policy: "test/x", ...COMMITTED },
      { policy: "test/y", currentStatus: "error", reason: /test\/x/ },
    ],
  },
  {
    id: "P11",
    about: "several principals",
    objects: [policy([mutual], [principal("foo.domain.cluster.local"), principal("bar.domain.cluster.local")])],
    rule: { ...named, principals: ["foo.domain.cluster.local", "bar.domain.cluster.local"] },
    statuses: [COMMITTED],
  },
  {
    id: "P12",
    about: "a wildcard among principals is any principal",
    objects: [policy([mutual], [principal("foo.domain.cluster.local"), principal("*")])],
    rule: { ...named, principals: "any" },
    statuses: [COMMITTED],
  },
  {
    id: "P13",
    about: "no principal is any principal of the mesh, with a warning",
    objects: [...WORLD, policy([mutual], [service("gw-ns/gw")])],
    rule: { ...named, sources: [gateway], principals: "any" },
    statuses: [{ ...COMMITTED, warns: /principal|certificate/i }],
  },
  {
    id: "P15",
    about: "http without sources",
    objects: [policy([http], [])],
    rule: { closed: "no-usable-source" },
    statuses: [{ currentStatus: "error", reason: /source/ }],
  },
  {
    id: "P16",
    about: "https without sources, a server name",
    objects: [policy([withSni("foo.bar.svc.cluster.local")], [])],
    rule: { closed: "no-usable-source" },
    statuses: [{ currentStatus: "error", reason: /source/ }],
  },
  {
    id: "P16a",
    about: "several server names, exact and wildcard, folded to lower case",
    objects: [policy([withSni("Foo.Bar", "foo.bar", "*.Example.com")], [principal(NAME)])],
    rule: { ...named, sni: ["foo.bar", "*.example.com"] },
    statuses: [COMMITTED],
  },
  {
    id: "P17",
    about: "https with a principal and nothing else",
    objects: [policy([mutual], [principal(NAME)])],
    rule: named,
    statuses: [COMMITTED],
  },
  {
    id: "P18b",
    about: "an unknown protocol, and status says so",
    objects: [policy([backend("foo", 80, "invalid")], [range("10.0.0.0/8")])],
    rule: { closed: "invalid-policy" },
    statuses: [{ currentStatus: "error", reason: /invalid/ }],
  },
  {
    id: "P19",
    about: "https without tls validates",
    objects: [policy([backend("foo", 80, "https")], [principal(NAME)])],
    rule: named,
  },
  {
    id: "P20",
    about: "a principal on http is no source: OSM lets everybody in, Postern nobody",
    objects: [policy([http], [principal("bookstore.default.cluster.local")])],
    rule: { closed: "no-usable-source" },
    statuses: [{ currentStatus: "error", reason: /source|principal/i }],
  },
  {
    id: "P21",
    about: "addresses of several slices and of both families are one source",
    objects: [slice("gw-ns/gw", GATEWAY, GATEWAY), slice("gw-ns/gw", "fd00::1"), policy([http], [service("gw-ns/gw")])],
    rule: openTo(gateway),
    statuses: [COMMITTED],
  },
  {
    id: "P22",
    about: "a server name that is no pattern closes the backend, and status names it",
    objects: [policy([withSni("foo*.x")], [principal(NAME)])],
    rule: { closed: "invalid-policy" },
    statuses: [{ currentStatus: "error", reason: /foo\*\.x/ }],
  },
  {
    id: "P23",
    about: "a source namespace without the label, and status says so",
    objects: [...WORLD, namespaceObject("gw-ns"), policy([http], [service("gw-ns/gw")])],
    meshName: "osm",
    rule: openTo(),
    statuses: [{ currentStatus: "error", reason: /monitored-by|gw-ns/ }],
  },
  {
    id: "P24",
    about: "a port that the Service does not declare is a warning",
    objects: [serviceObject("test/foo", 9090), slice("gw-ns/gw", GATEWAY), policy([http], [service("gw-ns/gw")])],
    rule: openTo(gateway),
    statuses: [{ ...COMMITTED, warns: /80/ }],
  },
  {
    id: "P25",
    about: "matches are reported as ignored",
    objects: [
      ...WORLD,
      policyOf({
        backends: [http],
        sources: [service("gw-ns/gw")],
        matches: [{ apiGroup: "a", kind: "b", name: "c" }],
      }),
    ],
    rule: openTo(gateway),
    statuses: [{ ...COMMITTED, warns: /matches/ }],
  },
  {
    id: "P26",
    about: "a schema violation closes the backends that can be read",
    objects: [policyOf({ backends: [http] })],
    rule: { closed: "invalid-policy" },
    statuses: [{ currentStatus: "error", reason: /sources/ }],
  },
  {
    id: "P27",
    about: "one backend of two is listed twice",
    objects: [policy([http, http, backend("foo", 81, "http")], [range("10.0.0.0/8")])],
    port: 81,
    rule: openTo("IPRange 10.0.0.0/8"),
    statuses: [{ currentStatus: "error", reason: /foo/ }],
  },
  {
    id: "D73",
    about: "a policy in force says so in OSM's words",
    objects: [...WORLD, policy([http], [service("gw-ns/gw")])],
    rule: openTo(gateway),
    statuses: [COMMITTED],
  },
  {
    id: "D71p",
    about: "an object each for two Services of the pod on one port: both are in force",
    objects: [
      policy([http], [range("10.1.0.0/16")], "test/a", OLD),
      policy([backend("bar", 80, "http")], [range("10.2.0.0/16")], "test/b", NEW),
    ],
    rule: openTo("IPRange 10.1.0.0/16"),
    statuses: [
      { ...COMMITTED, policy: "test/a" },
      { ...COMMITTED, policy: "test/b" },
    ],
  },
  {
    id: "P28",
    about: "an empty server name is no constraint in OSM; here it closes, and status says what to write",
    objects: [policy([withSni("")], [principal(NAME)])],
    rule: { closed: "invalid-policy" },
    statuses: [{ currentStatus: "error", reason: /Leave sniHosts out where every server name is good/ }],
  },
  {
    id: "D71q",
    about:
      "two Services on one port, another protocol: the younger object's status names the winner and what it asks for",
    objects: [
      policy([http], [range("10.1.0.0/16")], "test/a", OLD),
      policy([backend("bar", 80, "https")], [principal(NAME)], "test/b", NEW),
    ],
    rule: openTo("IPRange 10.1.0.0/16"),
    statuses: [
      { ...COMMITTED, policy: "test/a" },
      {
        policy: "test/b",
        currentStatus: "error",
        reason: "backend bar on port 80 is already governed by IngressBackend test/a, which asks for plaintext",
      },
    ],
  },
  {
    id: "D71r",
    about:
      "three objects on two Services: who is behind the oldest of its own backend is rejected, whoever serves the port",
    objects: [
      policy([http], [range("10.1.0.0/16")], "test/a", OLD),
      policy([backend("bar", 80, "https")], [principal(NAME)], "test/b", NEW),
      policy([backend("bar", 80, "http")], [range("10.2.0.0/16")], "test/c"),
    ],
    rule: openTo("IPRange 10.1.0.0/16"),
    statuses: [
      { ...COMMITTED, policy: "test/a" },
      { policy: "test/b", currentStatus: "error", reason: /governed by IngressBackend test\/a/ },
      { policy: "test/c", currentStatus: "error", reason: /governed by IngressBackend test\/b$/ },
    ],
  },
];
