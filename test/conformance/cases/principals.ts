/** https backends: the names in a verified certificate. */
import { mutual, policy, principal, range, service } from "../../support/mesh/objects.ts";
import {
  alert,
  close,
  forbidden,
  forward,
  GATEWAY,
  mtls,
  NAME,
  STRANGER,
  tls,
  WORLD,
  type DecisionCase,
} from "./decision.ts";

const anywhere = forward("any address");
const unknown = close("source-not-listed");
const byName = policy([mutual], [principal(NAME)]);
const byBoth = policy([mutual], [service("gw-ns/gw"), principal(NAME)]);

export const PRINCIPAL_DECISIONS: readonly DecisionCase[] = [
  {
    id: "D03",
    about: "a principal outside the mesh's own trust domain",
    objects: [policy([mutual], [principal("ingress-nginx.ingress-ns.example.com")])],
    callers: [[mtls(GATEWAY, ["dns:ingress-nginx.ingress-ns.example.com"]), anywhere]],
  },
  {
    id: "D04",
    about: "no trust domain is added to a principal",
    objects: [policy([mutual], [principal("ingress-nginx.ingress-ns")])],
    callers: [
      [mtls(GATEWAY, ["dns:ingress-nginx.ingress-ns.cluster.local"]), forbidden()],
      [mtls(GATEWAY, ["dns:ingress-nginx.ingress-ns"]), anywhere],
    ],
  },
  {
    id: "D06",
    about: "the gateway with its own name",
    objects: [...WORLD, byBoth],
    callers: [[mtls(GATEWAY), forward("Service gw-ns/gw")]],
  },
  {
    id: "D07",
    about: "the gateway with a name that is not listed",
    objects: [...WORLD, policy([mutual], [service("gw-ns/gw"), principal("untrusted-client.cluster.local")])],
    callers: [[mtls(GATEWAY), forbidden()]],
  },
  {
    id: "D13",
    about: "principals only: the address does not count",
    objects: [policy([mutual], [principal("client.default.svc.cluster.local")])],
    callers: [
      [mtls("10.77.1.1", ["dns:client.default.svc.cluster.local"]), anywhere],
      [mtls(GATEWAY, ["dns:client.default.svc.cluster.local"]), anywhere],
      [mtls("fd00::1", ["dns:client.default.svc.cluster.local"]), anywhere],
    ],
  },
  {
    id: "D14",
    about: "a certificate of the mesh with another name",
    objects: [byName],
    callers: [[mtls(GATEWAY, ["dns:other.gw-ns.cluster.local"]), forbidden()]],
  },
  {
    id: "D18",
    about: "address and name are both needed, and both are there",
    objects: [...WORLD, byBoth],
    callers: [[mtls(GATEWAY), forward("Service gw-ns/gw")]],
  },
  {
    id: "D19",
    about: "the right name from the wrong address",
    objects: [...WORLD, byBoth],
    callers: [[mtls(STRANGER), unknown]],
  },
  {
    id: "D20",
    about: "the wrong name from the right address",
    objects: [...WORLD, byBoth],
    callers: [[mtls(GATEWAY, ["dns:other.gw-ns.cluster.local"]), forbidden()]],
  },
  {
    id: "D20a",
    about: "the wrong name from the wrong address is refused by address",
    objects: [...WORLD, byBoth],
    callers: [[mtls(STRANGER, ["dns:other"]), unknown]],
  },
  {
    id: "D20b",
    about: "a Service, a range and a principal: one of the first two, and the third",
    objects: [...WORLD, policy([mutual], [service("gw-ns/gw"), range("10.9.0.0/16"), principal(NAME)])],
    callers: [
      [mtls(GATEWAY), forward("Service gw-ns/gw")],
      [mtls("10.9.0.1"), forward("IPRange 10.9.0.0/16")],
      [mtls("10.9.0.1", ["dns:other"]), forbidden()],
      [mtls(STRANGER), unknown],
    ],
  },
  {
    id: "D32",
    about: "the wildcard takes any certificate of the mesh, and needs one",
    objects: [policy([mutual], [principal("*")])],
    callers: [
      [mtls(GATEWAY, ["dns:any.body"]), anywhere],
      [mtls(GATEWAY, ["uri:spiffe://td/x"]), anywhere],
      [tls(GATEWAY, "none"), alert("certificate-missing")],
      [tls(GATEWAY, "foreign"), alert("certificate-untrusted")],
    ],
  },
  {
    id: "D41",
    about: "principals are alternatives",
    objects: [policy([mutual], [principal("a.ns.cluster.local"), principal("b.ns.cluster.local")])],
    callers: [
      [mtls(GATEWAY, ["dns:a.ns.cluster.local"]), anywhere],
      [mtls(GATEWAY, ["dns:b.ns.cluster.local"]), anywhere],
      [mtls(GATEWAY, ["dns:c.ns.cluster.local"]), forbidden()],
    ],
  },
  {
    id: "D42",
    about: "a wildcard beside names swallows them",
    objects: [policy([mutual], [principal("a.ns.cluster.local"), principal("*")])],
    callers: [[mtls(GATEWAY, ["dns:c.ns.cluster.local"]), anywhere]],
  },
  {
    id: "D42a",
    about: "a wildcard does not widen the addresses",
    objects: [...WORLD, policy([mutual], [service("gw-ns/gw"), principal("*")])],
    callers: [
      [mtls(GATEWAY, ["dns:c"]), forward("Service gw-ns/gw")],
      [mtls(STRANGER, ["dns:c"]), unknown],
    ],
  },
  {
    id: "D43",
    about: "any SAN of the certificate may match",
    objects: [policy([mutual], [principal("b.ns.cluster.local")])],
    callers: [
      [mtls(GATEWAY, ["dns:a.ns.cluster.local", "dns:b.ns.cluster.local"]), anywhere],
      [mtls(GATEWAY, ["uri:spiffe://td/ns/a", "dns:b.ns.cluster.local"]), anywhere],
    ],
  },
  {
    id: "D44",
    about: "a principal with a scheme is a URI",
    objects: [policy([mutual], [principal("spiffe://cluster.local/gw/gw-ns")])],
    callers: [
      [mtls(GATEWAY, ["uri:spiffe://cluster.local/gw/gw-ns"]), anywhere],
      [mtls(GATEWAY, ["uri:spiffe://cluster.local/gw/other"]), forbidden()],
      [mtls(GATEWAY, ["dns:cluster.local"]), forbidden()],
    ],
  },
  {
    id: "D44a",
    about: "a DNS name that looks like the URI is none",
    objects: [policy([mutual], [principal("spiffe://cluster.local/gw/gw-ns")])],
    callers: [[mtls(GATEWAY, ["dns:spiffe://cluster.local/gw/gw-ns"]), forbidden()]],
  },
  {
    id: "D44b",
    about: "a URI that looks like the DNS name is none",
    objects: [policy([mutual], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY, [`uri:${NAME}`]), forbidden()],
      [mtls(GATEWAY, [`uri:dns:${NAME}`]), forbidden()],
    ],
  },
  {
    id: "D44c",
    about: "a comma inside a SAN does not make two",
    objects: [policy([mutual], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY, [`dns:x, DNS:${NAME}`]), forbidden()],
      [mtls(GATEWAY, [`uri:spiffe://td/x, DNS:${NAME}`]), forbidden()],
    ],
  },
  {
    id: "D45",
    about: "only the bare star is a wildcard",
    objects: [policy([mutual], [principal("*.gw-ns.cluster.local")])],
    callers: [
      [mtls(GATEWAY), forbidden()],
      [mtls(GATEWAY, ["dns:*.gw-ns.cluster.local"]), anywhere],
    ],
  },
  {
    id: "D45a",
    about: "a wildcard in the certificate is no wildcard",
    objects: [byName],
    callers: [
      [mtls(GATEWAY, ["dns:*.gw-ns.cluster.local"]), forbidden()],
      [mtls(GATEWAY, ["dns:*"]), forbidden()],
    ],
  },
  {
    id: "D45b",
    about: "principals are compared letter by letter",
    objects: [byName],
    callers: [
      [mtls(GATEWAY, ["dns:GW.gw-ns.cluster.local"]), forbidden()],
      [mtls(GATEWAY, [`dns:${NAME}.`]), forbidden()],
      [mtls(GATEWAY, ["dns:gw.gw-ns.cluster.loca"]), forbidden()],
    ],
  },
  {
    id: "D46",
    about: "a certificate without SANs matches nothing, whatever its subject says",
    objects: [byName],
    callers: [
      [tls(GATEWAY, { sans: [], commonName: NAME }), forbidden("principal-missing")],
      [mtls(GATEWAY, []), forbidden("principal-missing")],
    ],
  },
  {
    id: "D46a",
    about: "the subject does not add to the SANs",
    objects: [byName],
    callers: [[tls(GATEWAY, { sans: ["dns:other"], commonName: NAME }), forbidden()]],
  },
  {
    id: "D46b",
    about: "addresses and mail addresses are no principals",
    objects: [policy([mutual], [principal("10.0.0.10"), principal("gw@cluster.local")])],
    callers: [[tls(GATEWAY, { sans: ["ip:10.0.0.10", "email:gw@cluster.local"] }), forbidden("principal-missing")]],
  },
];
