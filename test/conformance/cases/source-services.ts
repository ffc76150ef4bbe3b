/** Who may connect: the live addresses of the named Services, and what counts as live. */
import {
  endpoints,
  http,
  namespaceObject,
  policy,
  range,
  service,
  serviceObject,
  slice,
} from "../../support/mesh/objects.ts";
import { close, forward, GATEWAY, plain, STRANGER, WORLD, type DecisionCase } from "./decision.ts";

const unknown = close("source-not-listed");
const gateway = forward("Service gw-ns/gw");
const fromGateway = policy([http], [service("gw-ns/gw")]);

export const SERVICE_DECISIONS: readonly DecisionCase[] = [
  {
    id: "D01",
    about: "without a policy nobody gets in",
    objects: WORLD,
    callers: [[plain(GATEWAY), close("no-policy")]],
  },
  {
    id: "D02",
    about: "a live address of the named Service gets in, its neighbour does not",
    objects: [...WORLD, fromGateway],
    callers: [
      [plain(GATEWAY), gateway],
      [plain(STRANGER), unknown],
      [plain("10.0.0.1"), unknown],
      [plain("10.0.0.11"), unknown],
    ],
  },
  {
    id: "D05",
    about: "a gateway in another namespace than its policy",
    objects: [
      serviceObject("test/foo", 80),
      slice("osm-system/osm-contour-envoy", "10.0.0.7"),
      policy([http], [service("osm-system/osm-contour-envoy")]),
    ],
    callers: [
      [plain("10.0.0.7"), forward("Service osm-system/osm-contour-envoy")],
      [plain(GATEWAY), unknown],
    ],
  },
  {
    id: "D09",
    about: "any application may be a source, not only gateways",
    objects: [slice("default/myapp", "10.1.2.3"), policy([http], [service("default/myapp")])],
    callers: [
      [plain("10.1.2.3"), forward("Service default/myapp")],
      [plain("10.1.2.4"), unknown],
    ],
  },
  {
    id: "D09a",
    about: "a Service of that name in another namespace is another Service",
    objects: [
      slice("default/myapp", "10.1.2.3"),
      slice("other/myapp", "10.1.2.9"),
      policy([http], [service("default/myapp")]),
    ],
    callers: [
      [plain("10.1.2.3"), forward()],
      [plain("10.1.2.9"), unknown],
    ],
  },
  {
    id: "D39",
    about: "addresses of several Services are alternatives",
    objects: [...WORLD, slice("gw2-ns/gw2", "10.0.1.20"), policy([http], [service("gw-ns/gw"), service("gw2-ns/gw2")])],
    callers: [
      [plain(GATEWAY), gateway],
      [plain("10.0.1.20"), forward("Service gw2-ns/gw2")],
      [plain(STRANGER), unknown],
    ],
  },
  {
    id: "D40",
    about: "a source Service without endpoints matches nobody and leaves the others alone",
    objects: [...WORLD, policy([http], [service("gw-ns/missing"), service("gw-ns/gw")])],
    callers: [
      [plain(GATEWAY), gateway],
      [plain(STRANGER), unknown],
    ],
  },
  {
    id: "D40a",
    about: "the only source Service has no endpoints: nobody, never anybody",
    objects: [policy([http], [service("gw-ns/missing")])],
    callers: [
      [plain(GATEWAY), close("source-without-endpoints")],
      [plain("127.0.0.1"), close("source-without-endpoints")],
    ],
  },
  {
    id: "D40b",
    about: "an empty slice is no endpoint",
    objects: [slice("gw-ns/gw"), policy([http], [service("gw-ns/gw")])],
    callers: [[plain(GATEWAY), close("source-without-endpoints")]],
  },
  {
    id: "D40c",
    about: "an empty Service beside a range",
    objects: [policy([http], [service("gw-ns/missing"), range("10.9.0.0/16")])],
    callers: [
      [plain("10.9.1.1"), forward("IPRange 10.9.0.0/16")],
      [plain(GATEWAY), unknown],
    ],
  },
  {
    id: "D39a",
    about: "a Service and a range are alternatives",
    objects: [...WORLD, policy([http], [service("gw-ns/gw"), range("10.9.0.0/16")])],
    callers: [
      [plain(GATEWAY), gateway],
      [plain("10.9.255.255"), forward("IPRange 10.9.0.0/16")],
      [plain("10.10.0.0"), unknown],
    ],
  },
  {
    id: "D39b",
    about: "one source listed twice is listed once",
    objects: [...WORLD, policy([http], [service("gw-ns/gw"), service("gw-ns/gw")])],
    callers: [
      [plain(GATEWAY), gateway],
      [plain(STRANGER), unknown],
    ],
  },
  {
    id: "D47",
    about: "every slice of a Service counts",
    objects: [slice("gw-ns/gw", GATEWAY), slice("gw-ns/gw", "10.0.0.11", "10.0.0.12"), fromGateway],
    callers: [
      [plain(GATEWAY), gateway],
      [plain("10.0.0.11"), gateway],
      [plain("10.0.0.12"), gateway],
      [plain("10.0.0.13"), unknown],
    ],
  },
  {
    id: "D47a",
    about: "an endpoint without conditions is ready",
    objects: [slice("gw-ns/gw", [GATEWAY, undefined], ["10.0.0.11", {}], ["10.0.0.12", { ready: null }]), fromGateway],
    callers: [
      [plain(GATEWAY), gateway],
      [plain("10.0.0.11"), gateway],
      [plain("10.0.0.12"), gateway],
    ],
  },
  {
    id: "D47b",
    about: "a terminating gateway that still sends is let in, a dead one is not",
    objects: [
      slice(
        "gw-ns/gw",
        [GATEWAY, { ready: false, serving: true, terminating: true }],
        ["10.0.0.11", { ready: false, serving: false, terminating: true }],
        ["10.0.0.12", { ready: false, serving: true }],
        ["10.0.0.13", { ready: false, serving: false, terminating: false }],
        ["10.0.0.14", { ready: false }],
      ),
      fromGateway,
    ],
    callers: [
      [plain(GATEWAY), gateway],
      [plain("10.0.0.11"), gateway],
      [plain("10.0.0.12"), gateway],
      [plain("10.0.0.13"), unknown],
      [plain("10.0.0.14"), unknown],
    ],
  },
  {
    id: "D47c",
    about: "where a Service has only the older Endpoints object, its ready addresses count",
    objects: [endpoints("gw-ns/gw", [GATEWAY], ["10.0.0.11"]), fromGateway],
    callers: [
      [plain(GATEWAY), gateway],
      [plain("10.0.0.11"), unknown],
    ],
  },
  {
    id: "D47d",
    about: "slices outrank an Endpoints object",
    objects: [endpoints("gw-ns/gw", [GATEWAY]), slice("gw-ns/gw", "10.0.0.11"), fromGateway],
    callers: [
      [plain("10.0.0.11"), gateway],
      [plain(GATEWAY), unknown],
    ],
  },
  {
    id: "D50",
    about: "with a mesh name, a source namespace needs its label",
    objects: [...WORLD, namespaceObject("gw-ns"), fromGateway],
    meshName: "osm",
    callers: [[plain(GATEWAY), close("source-without-endpoints")]],
  },
  {
    id: "D50a",
    about: "the label of another mesh does not count",
    objects: [...WORLD, namespaceObject("gw-ns", { "openservicemesh.io/monitored-by": "other" }), fromGateway],
    meshName: "osm",
    callers: [[plain(GATEWAY), close("source-without-endpoints")]],
  },
  {
    id: "D50b",
    about: "with the label of the mesh it works",
    objects: [...WORLD, namespaceObject("gw-ns", { "openservicemesh.io/monitored-by": "osm" }), fromGateway],
    meshName: "osm",
    callers: [
      [plain(GATEWAY), gateway],
      [plain(STRANGER), unknown],
    ],
  },
  {
    id: "D50c",
    about: "a namespace that is not known has no label",
    objects: [...WORLD, fromGateway],
    meshName: "osm",
    callers: [[plain(GATEWAY), close("source-without-endpoints")]],
  },
  {
    id: "D50d",
    about: "without a mesh name no label is asked for",
    objects: [...WORLD, namespaceObject("gw-ns"), fromGateway],
    callers: [[plain(GATEWAY), gateway]],
  },
];
