/** https backends: TLS on or off, and what the client presents. */
import { backend, http, mutual, policy, principal, range, serverOnly, service } from "../../support/mesh/objects.ts";
import {
  alert,
  close,
  forward,
  GATEWAY,
  mtls,
  NAME,
  plain,
  STRANGER,
  tls,
  WORLD,
  type DecisionCase,
} from "./decision.ts";

const anywhere = forward("any address");
const unknown = close("source-not-listed");
const byName = policy([mutual], [principal(NAME)]);
const byBoth = policy([mutual], [service("gw-ns/gw"), principal(NAME)]);

export const HANDSHAKE_DECISIONS: readonly DecisionCase[] = [
  {
    id: "D15",
    about: "no client certificate",
    objects: [byName],
    callers: [[tls(GATEWAY, "none"), alert("certificate-missing")]],
  },
  {
    id: "D16",
    about: "a certificate of another authority",
    objects: [byName],
    callers: [
      [tls(GATEWAY, "foreign"), alert("certificate-untrusted")],
      [tls(GATEWAY, "self-signed"), alert("certificate-untrusted")],
    ],
  },
  {
    id: "D17",
    about: "an expired certificate",
    objects: [byName],
    callers: [[tls(GATEWAY, "expired"), alert("certificate-expired")]],
  },
  {
    id: "D17a",
    about: "a certificate from the future",
    objects: [byName],
    callers: [[tls(GATEWAY, "not-yet-valid"), alert("certificate-expired")]],
  },
  {
    id: "D17b",
    about: "a certificate that is only good for servers",
    objects: [byName],
    callers: [[tls(GATEWAY, "server-only"), alert("certificate-untrusted")]],
  },
  {
    id: "D29",
    about: "plaintext on an https port",
    objects: [...WORLD, byBoth],
    callers: [[plain(GATEWAY), close("tls-expected")]],
  },
  {
    id: "D29a",
    about: "plaintext on an https port that asks for no certificate",
    objects: [...WORLD, policy([serverOnly], [service("gw-ns/gw")])],
    callers: [[plain(GATEWAY), close("tls-expected")]],
  },
  {
    id: "D30",
    about: "TLS on an http port",
    objects: [...WORLD, policy([http], [service("gw-ns/gw")])],
    callers: [
      [mtls(GATEWAY), close("tls-unexpected")],
      [tls(GATEWAY, "none"), close("tls-unexpected")],
      [mtls(STRANGER), unknown],
    ],
  },
  {
    id: "D31",
    about: "without principals any certificate of the mesh is good, none is not",
    objects: [...WORLD, policy([mutual], [service("gw-ns/gw")])],
    callers: [
      [mtls(GATEWAY, ["dns:any.body"]), forward("Service gw-ns/gw")],
      [tls(GATEWAY, "none"), alert("certificate-missing")],
      [tls(GATEWAY, "foreign"), alert("certificate-untrusted")],
      [mtls(STRANGER), unknown],
    ],
  },
  {
    id: "D31a",
    about: "without principals not even a SAN is needed",
    objects: [...WORLD, policy([mutual], [service("gw-ns/gw")])],
    callers: [[mtls(GATEWAY, []), forward()]],
  },
  {
    id: "D33",
    about: "with server-only TLS no certificate is asked for, and principals have no effect",
    objects: [...WORLD, policy([serverOnly], [service("gw-ns/gw"), principal("x.y.cluster.local")])],
    callers: [
      [tls(GATEWAY, "none"), forward("Service gw-ns/gw")],
      [tls(GATEWAY, "foreign"), forward()],
      [mtls(GATEWAY), forward()],
    ],
  },
  {
    id: "D34",
    about: "with server-only TLS the address still counts",
    objects: [...WORLD, policy([serverOnly], [service("gw-ns/gw"), principal(NAME)])],
    callers: [
      [tls(STRANGER, "none"), unknown],
      [mtls(STRANGER), unknown],
    ],
  },
  {
    id: "D34a",
    about: "with server-only TLS and a range",
    objects: [policy([serverOnly], [range("10.0.0.0/16")])],
    callers: [
      [tls("10.0.7.7", "none"), forward()],
      [tls("10.1.0.0", "none"), unknown],
    ],
  },
  {
    id: "D35c",
    about: "server-only TLS with principals only: nobody",
    objects: [policy([serverOnly], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY), close("no-usable-source")],
      [tls(GATEWAY, "none"), close("no-usable-source")],
    ],
  },
  {
    id: "D36a",
    about: "server-only TLS without sources: nobody",
    objects: [policy([serverOnly], [])],
    callers: [[tls(GATEWAY, "none"), close("no-usable-source")]],
  },
  {
    id: "D37",
    about: "validation on, no sources at all: nobody",
    objects: [policy([mutual], [])],
    callers: [[mtls(GATEWAY), close("no-usable-source")]],
  },
  {
    id: "D37a",
    about: "tls may be left out: validation is on",
    objects: [policy([backend("foo", 80, "https")], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY), anywhere],
      [tls(GATEWAY, "none"), alert("certificate-missing")],
    ],
  },
  {
    id: "D37b",
    about: "HTTPS in capitals is https",
    objects: [policy([backend("foo", 80, "HTTPS")], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY), anywhere],
      [plain(GATEWAY), close("tls-expected")],
    ],
  },
  {
    id: "D37c",
    about: "an invalid range beside a principal closes the address side, not opens it",
    objects: [policy([mutual], [range("invalid"), principal(NAME)])],
    callers: [[mtls(GATEWAY), close("no-usable-source")]],
  },
  {
    id: "D37d",
    about: "an empty Service beside a principal closes the address side, not opens it",
    objects: [policy([mutual], [service("gw-ns/missing"), principal(NAME)])],
    callers: [[mtls(GATEWAY), close("source-without-endpoints")]],
  },
];
