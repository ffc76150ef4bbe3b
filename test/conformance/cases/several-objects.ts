/** Several objects, several backends, and objects that are broken: each closes what it must and nothing else. */
import {
  backend,
  http,
  mutual,
  policy,
  policyOf,
  principal,
  range,
  service,
  slice,
  withSni,
} from "../../support/mesh/objects.ts";
import { close, forbidden, forward, GATEWAY, mtls, plain, tls, alert, WORLD, type DecisionCase } from "./decision.ts";

const OLD = "2024-01-01T00:00:00Z";
const NEW = "2024-06-01T00:00:00Z";
const invalid = close("invalid-policy");
const unknown = close("source-not-listed");
const governed = (by: string): { readonly verdict: "forward"; readonly policy: string } => ({
  verdict: "forward",
  policy: by,
});
const ten = [range("10.1.0.0/16")];
const nine = [range("10.2.0.0/16")];

const CONFLICTS: readonly DecisionCase[] = [
  {
    id: "D71",
    about: "two objects on one backend: the older alone governs",
    objects: [policy([http], nine, "test/a", NEW), policy([http], ten, "test/b", OLD)],
    callers: [
      [plain("10.1.1.1"), governed("test/b")],
      [plain("10.2.1.1"), unknown],
    ],
  },
  {
    id: "D71a",
    about: "of the same age, the name decides",
    objects: [policy([http], nine, "test/b", OLD), policy([http], ten, "test/a", OLD)],
    callers: [
      [plain("10.1.1.1"), governed("test/a")],
      [plain("10.2.1.1"), unknown],
    ],
  },
  {
    id: "D71b",
    about: "an object without age counts as newest",
    objects: [policy([http], nine, "test/a"), policy([http], ten, "test/b", NEW)],
    callers: [
      [plain("10.1.1.1"), governed("test/b")],
      [plain("10.2.1.1"), unknown],
    ],
  },
  {
    id: "D71c",
    about: "addresses of one never combine with principals of the other",
    objects: [
      policy([mutual], [range("10.1.0.0/16"), principal("a")], "test/a", OLD),
      policy([mutual], [range("10.2.0.0/16"), principal("b")], "test/b", NEW),
    ],
    callers: [
      [mtls("10.1.0.1", ["dns:a"]), governed("test/a")],
      [mtls("10.1.0.1", ["dns:b"]), forbidden()],
      [mtls("10.2.0.1", ["dns:a"]), unknown],
      [mtls("10.2.0.1", ["dns:b"]), unknown],
    ],
  },
  {
    id: "D71d",
    about: "an older object that lets nobody in still governs",
    objects: [policy([http], [], "test/a", OLD), policy([http], ten, "test/b", NEW)],
    callers: [[plain("10.1.1.1"), close("no-usable-source")]],
  },
  {
    id: "D71e",
    about: "the loser keeps its other backends",
    port: 81,
    objects: [policy([http], ten, "test/a", OLD), policy([http, backend("foo", 81, "http")], nine, "test/b", NEW)],
    callers: [
      [plain("10.2.1.1"), governed("test/b")],
      [plain("10.1.1.1"), unknown],
    ],
  },
  {
    id: "D71f",
    about: "two Services of this pod on one port, an object each: both serve their own addresses",
    objects: [policy([http], ten, "test/a", NEW), policy([backend("bar", 80, "http")], nine, "test/b", OLD)],
    callers: [
      [plain("10.2.1.1"), governed("test/b")],
      [plain("10.1.1.1"), governed("test/a")],
      [plain("10.3.1.1"), unknown],
    ],
  },
  {
    id: "D71g",
    about: "two Services, an object each: the addresses of one never meet the principals of the other",
    objects: [
      policy([mutual], [range("10.1.0.0/16"), principal("a")], "test/a", OLD),
      policy([backend("bar", 80, "https")], [range("10.2.0.0/16"), principal("b")], "test/b", NEW),
    ],
    callers: [
      [mtls("10.1.0.1", ["dns:a"]), governed("test/a")],
      [mtls("10.2.0.1", ["dns:b"]), governed("test/b")],
      [mtls("10.1.0.1", ["dns:b"]), forbidden()],
      [mtls("10.2.0.1", ["dns:a"]), forbidden()],
      [tls("10.2.0.1", "none"), alert("certificate-missing")],
      [mtls("10.3.0.1", ["dns:a"]), unknown],
    ],
  },
  {
    id: "D71h",
    about: "two Services, an object each: an address of both gets by with the principal of either",
    objects: [
      policy([mutual], [range("10.1.0.0/16"), principal("a")], "test/a", OLD),
      policy([backend("bar", 80, "https")], [range("10.1.0.0/24"), principal("b")], "test/b", NEW),
    ],
    callers: [
      [mtls("10.1.0.1", ["dns:a"]), governed("test/a")],
      [mtls("10.1.0.1", ["dns:b"]), governed("test/b")],
      [mtls("10.1.1.1", ["dns:b"]), forbidden()],
      [mtls("10.1.0.1", ["dns:c"]), forbidden()],
    ],
  },
  {
    id: "D71i",
    about: "two Services, an object each: server names belong to their own object too",
    objects: [
      policy([withSni("a.test")], [range("10.1.0.0/16"), principal("a")], "test/a", OLD),
      policy(
        [backend("bar", 80, "https", { skipClientCertValidation: false, sniHosts: ["b.test"] })],
        [range("10.2.0.0/16"), principal("b")],
        "test/b",
        NEW,
      ),
    ],
    callers: [
      [mtls("10.1.0.1", ["dns:a"], "a.test"), governed("test/a")],
      [mtls("10.2.0.1", ["dns:b"], "b.test"), governed("test/b")],
      [mtls("10.2.0.1", ["dns:b"], "a.test"), close("sni-not-listed")],
      [mtls("10.1.0.1", ["dns:a"], "b.test"), close("sni-not-listed")],
    ],
  },
  {
    id: "D71j",
    about: "two Services with different protocols on one port: the older object governs",
    objects: [
      policy([http], ten, "test/a", OLD),
      policy([backend("bar", 80, "https")], [...nine, principal("b")], "test/b", NEW),
    ],
    callers: [
      [plain("10.1.1.1"), governed("test/a")],
      [mtls("10.2.1.1", ["dns:b"]), unknown],
      [plain("10.2.1.1"), unknown],
    ],
  },
  {
    id: "D71k",
    about: "two Services, one demands a certificate and the other none: the older object governs",
    objects: [
      policy([mutual], [...ten, principal("a")], "test/a", OLD),
      policy([backend("bar", 80, "https", { skipClientCertValidation: true })], nine, "test/b", NEW),
    ],
    callers: [
      [mtls("10.1.1.1", ["dns:a"]), governed("test/a")],
      [mtls("10.2.1.1", ["dns:a"]), unknown],
      [tls("10.2.1.1", "none"), unknown],
    ],
  },
  {
    id: "D71l",
    about: "two Services, an object each: one that lets nobody in takes nothing from the other",
    objects: [policy([http], [], "test/a", OLD), policy([backend("bar", 80, "http")], nine, "test/b", NEW)],
    callers: [
      [plain("10.2.1.1"), governed("test/b")],
      [plain("10.1.1.1"), unknown],
    ],
  },
  {
    id: "D71m",
    about: "two Services: an older object that cannot be judged closes the port, for nobody knows what it asks for",
    objects: [policyOf({ backends: [http] }, "test/a", OLD), policy([backend("bar", 80, "http")], nine, "test/b", NEW)],
    callers: [[plain("10.2.1.1"), invalid]],
  },
  {
    id: "D71n",
    about: "two Services, an object each: the sole address source of one without endpoints lets nobody in by the other",
    objects: [
      policy([mutual], [service("gw-ns/none"), principal("a")], "test/a", OLD),
      policy([backend("bar", 80, "https")], [...nine, principal("b")], "test/b", NEW),
    ],
    callers: [
      [mtls("10.2.1.1", ["dns:b"]), governed("test/b")],
      [mtls("10.2.1.1", ["dns:a"]), forbidden()],
      [mtls("10.1.1.1", ["dns:a"]), close("source-without-endpoints")],
    ],
  },
];

const PORTS: readonly DecisionCase[] = [
  {
    id: "D55",
    about: "two ports of one pod, second port",
    port: 8080,
    objects: [...WORLD, policy([http, backend("foo", 8080, "http")], [service("gw-ns/gw")])],
    callers: [
      [plain(GATEWAY), forward("Service gw-ns/gw")],
      [plain("10.0.0.99"), unknown],
    ],
  },
  {
    id: "D55a",
    about: "one port http, the other https with a principal: the principal counts",
    port: 8080,
    objects: [
      ...WORLD,
      policy([http], [service("gw-ns/gw")], "test/a"),
      policy([backend("foo", 8080, "https")], [principal("gw")], "test/b"),
    ],
    callers: [
      [mtls(GATEWAY, ["dns:gw"]), governed("test/b")],
      [mtls(GATEWAY, ["dns:any.body"]), forbidden()],
      [plain(GATEWAY), close("tls-expected")],
    ],
  },
  {
    id: "D55b",
    about: "and on the first port it does not",
    objects: [
      ...WORLD,
      policy([http], [service("gw-ns/gw")], "test/a"),
      policy([backend("foo", 8080, "https")], [principal("gw")], "test/b"),
    ],
    callers: [[plain(GATEWAY), governed("test/a")]],
  },
  {
    id: "D56",
    about: "one object, an http and an https backend",
    port: 443,
    objects: [...WORLD, policy([http, backend("foo", 443, "https")], [service("gw-ns/gw"), principal("gw")])],
    callers: [
      [mtls(GATEWAY, ["dns:gw"]), forward()],
      [mtls(GATEWAY, ["dns:other"]), forbidden()],
      [tls(GATEWAY, "none"), alert("certificate-missing")],
    ],
  },
];

const BROKEN: readonly DecisionCase[] = [
  {
    id: "P18",
    about: "an unknown protocol closes its backend",
    objects: [policy([backend("foo", 80, "invalid")], [range("10.0.0.0/8")])],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "P18a",
    about: "and leaves the object's other backends alone",
    port: 81,
    objects: [policy([backend("foo", 80, "invalid"), backend("foo", 81, "http")], [range("10.0.0.0/8")])],
    callers: [[plain(GATEWAY), forward()]],
  },
  {
    id: "B01",
    about: "a backend listed twice is closed",
    objects: [policy([http, http], [range("10.0.0.0/8")])],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B01a",
    about: "listed twice with two protocols too",
    objects: [policy([http, mutual], [range("10.0.0.0/8")])],
    callers: [
      [plain(GATEWAY), invalid],
      [mtls(GATEWAY), invalid],
    ],
  },
  {
    id: "B02",
    about: "a source of unknown kind closes the object's backends, even beside a good one",
    objects: [...WORLD, policy([http], [service("gw-ns/gw"), { kind: "Gateway", name: "x" }])],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B02a",
    about: "a kind in lower case is unknown",
    objects: [...WORLD, policy([http], [{ kind: "service", name: "gw", namespace: "gw-ns" }])],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B03",
    about: "a Service source without namespace",
    objects: [...WORLD, policy([http], [{ kind: "Service", name: "gw" }])],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B04",
    about: "a source with an empty name",
    objects: [...WORLD, policy([http], [service("gw-ns/gw"), principal("")])],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B04a",
    about: "a source without name",
    objects: [...WORLD, policyOf({ backends: [http], sources: [service("gw-ns/gw"), { kind: "IPRange" }] })],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B04b",
    about: "a range with an empty name",
    objects: [...WORLD, policy([http], [service("gw-ns/gw"), range("")])],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B05",
    about: "sources left out",
    objects: [policyOf({ backends: [http] })],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B05a",
    about: "null sources are left out",
    objects: [policyOf({ backends: [http], sources: null })],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B06",
    about: "tls that does not say what to do with certificates, or misspells it",
    objects: [
      policyOf({
        backends: [backend("foo", 80, "https", { skipClientCertificateValidation: true })],
        sources: [range("10.0.0.0/8")],
      }),
    ],
    callers: [
      [tls(GATEWAY, "none"), invalid],
      [mtls(GATEWAY), invalid],
    ],
  },
  {
    id: "B07",
    about: "a backend without protocol",
    objects: [policyOf({ backends: [{ name: "foo", port: { number: 80 } }], sources: [range("10.0.0.0/8")] })],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B08",
    about: "a broken object claims its backend: a younger good one does not take over",
    objects: [policyOf({ backends: [http] }, "test/a", OLD), policy([http], [range("10.0.0.0/8")], "test/b", NEW)],
    callers: [[plain(GATEWAY), invalid]],
  },
  {
    id: "B08a",
    about: "a broken younger object takes nothing from a good older one",
    objects: [policyOf({ backends: [http] }, "test/b", NEW), policy([http], [range("10.0.0.0/8")], "test/a", OLD)],
    callers: [[plain(GATEWAY), governed("test/a")]],
  },
  {
    id: "B09",
    about: "a broken object affects no other object's backends",
    objects: [
      policyOf({ backends: [backend("foo", 90, "http")] }, "test/a"),
      policy([http], [range("10.0.0.0/8")], "test/b"),
    ],
    callers: [[plain(GATEWAY), governed("test/b")]],
  },
  {
    id: "B10",
    about: "https without a principal is an admission error, yet it is compiled",
    objects: [...WORLD, policy([mutual], [service("gw-ns/gw")])],
    callers: [[mtls(GATEWAY, ["dns:any"]), forward()]],
  },
  {
    id: "B11",
    about: "null fields are absent fields",
    objects: [
      slice("gw-ns/gw", GATEWAY),
      policyOf({
        backends: [backend("foo", 80, "http", null)],
        sources: [{ kind: "Service", name: "gw", namespace: "gw-ns" }],
        matches: null,
      }),
    ],
    callers: [[plain(GATEWAY), forward()]],
  },
];

export const OBJECT_DECISIONS: readonly DecisionCase[] = [...CONFLICTS, ...PORTS, ...BROKEN];
