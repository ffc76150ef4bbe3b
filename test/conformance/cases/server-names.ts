/** https backends: the server name that the client asks for. */
import { backend, mutual, policy, policyOf, principal, service, withSni } from "../../support/mesh/objects.ts";
import { close, forward, GATEWAY, mtls, NAME, plain, STRANGER, tls, WORLD, type DecisionCase } from "./decision.ts";

const anywhere = forward("any address");
const unknown = close("source-not-listed");
const byName = policy([mutual], [principal(NAME)]);

export const SERVER_NAME_DECISIONS: readonly DecisionCase[] = [
  {
    id: "D21",
    about: "a listed server name",
    objects: [policy([withSni("foo.org")], [principal(NAME)])],
    callers: [[mtls(GATEWAY, undefined, "foo.org"), anywhere]],
  },
  {
    id: "D22",
    about: "another server name",
    objects: [policy([withSni("foo.org")], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY, undefined, "bar.org"), close("sni-not-listed")],
      [mtls(GATEWAY, undefined, "a.foo.org"), close("sni-not-listed")],
      [mtls(GATEWAY, undefined, "foo.org.evil"), close("sni-not-listed")],
    ],
  },
  {
    id: "D22a",
    about: "the server name is judged before the certificate",
    objects: [policy([withSni("foo.org")], [principal(NAME)])],
    callers: [[tls(GATEWAY, "none", "bar.org"), close("sni-not-listed")]],
  },
  {
    id: "D22b",
    about: "the address is judged before the server name",
    objects: [...WORLD, policy([withSni("foo.org")], [service("gw-ns/gw"), principal(NAME)])],
    callers: [[mtls(STRANGER, undefined, "bar.org"), unknown]],
  },
  {
    id: "D23",
    about: "no server name where one is listed",
    objects: [policy([withSni("foo.org")], [principal(NAME)])],
    callers: [[mtls(GATEWAY), close("sni-missing")]],
  },
  {
    id: "D24",
    about: "server names have no case",
    objects: [policy([withSni("Foo.ORG")], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY, undefined, "foo.org"), anywhere],
      [mtls(GATEWAY, undefined, "FOO.org"), anywhere],
    ],
  },
  {
    id: "D24a",
    about: "names that differ in case are one name",
    objects: [policy([withSni("foo.org", "FOO.ORG")], [principal(NAME)])],
    callers: [[mtls(GATEWAY, undefined, "foo.org"), anywhere]],
  },
  {
    id: "D25",
    about: "a leading wildcard stands for any depth, never for the name itself",
    objects: [policy([withSni("*.example.com")], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY, undefined, "a.example.com"), anywhere],
      [mtls(GATEWAY, undefined, "a.b.example.com"), anywhere],
      [mtls(GATEWAY, undefined, "A.B.Example.com"), anywhere],
      [mtls(GATEWAY, undefined, "example.com"), close("sni-not-listed")],
      [mtls(GATEWAY, undefined, "badexample.com"), close("sni-not-listed")],
    ],
  },
  {
    id: "D25a",
    about: "several names are alternatives",
    objects: [policy([withSni("foo.org", "*.example.com")], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY, undefined, "foo.org"), anywhere],
      [mtls(GATEWAY, undefined, "a.example.com"), anywhere],
      [mtls(GATEWAY, undefined, "bar.org"), close("sni-not-listed")],
    ],
  },
  {
    id: "D26",
    about: "a bare wildcard is no pattern: its backend is closed",
    objects: [policy([withSni("*")], [principal(NAME)])],
    callers: [[mtls(GATEWAY, undefined, "foo.org"), close("invalid-policy")]],
  },
  {
    id: "D26a",
    about: "a partial wildcard is no pattern",
    objects: [policy([withSni("foo*.org")], [principal(NAME)])],
    callers: [[mtls(GATEWAY, undefined, "foo1.org"), close("invalid-policy")]],
  },
  {
    id: "D26b",
    about: "an empty pattern is no pattern, and does not mean any",
    objects: [policy([withSni("")], [principal(NAME)])],
    callers: [[mtls(GATEWAY), close("invalid-policy")]],
  },
  {
    id: "D26c",
    about: "a bad pattern closes its own backend alone",
    port: 81,
    objects: [
      policy(
        [withSni("*"), backend("foo", 81, "https", { skipClientCertValidation: false, sniHosts: ["foo.org"] })],
        [principal(NAME)],
      ),
    ],
    callers: [[mtls(GATEWAY, undefined, "foo.org"), anywhere]],
  },
  {
    id: "D27",
    about: "without listed names any server name is good, and none",
    objects: [byName],
    callers: [
      [mtls(GATEWAY, undefined, "what.ever"), anywhere],
      [mtls(GATEWAY), anywhere],
    ],
  },
  {
    id: "D27a",
    about: "an empty list of names is no list",
    objects: [policy([withSni()], [principal(NAME)])],
    callers: [
      [mtls(GATEWAY, undefined, "what.ever"), anywhere],
      [mtls(GATEWAY), anywhere],
    ],
  },
  {
    id: "D28",
    about: "the Service's own name is a name like any other",
    objects: [byName],
    callers: [[mtls(GATEWAY, undefined, "foo.test.svc.cluster.local"), anywhere]],
  },
  {
    id: "D28a",
    about: "on http, listed names have no effect",
    objects: [
      ...WORLD,
      policyOf({
        backends: [backend("foo", 80, "http", { skipClientCertValidation: false, sniHosts: ["foo.org"] })],
        sources: [service("gw-ns/gw")],
      }),
    ],
    callers: [
      [plain(GATEWAY), forward()],
      [plain(STRANGER), unknown],
    ],
  },
  {
    id: "D28b",
    about: "server names are listed with server-only TLS too",
    objects: [
      ...WORLD,
      policy(
        [backend("foo", 80, "https", { skipClientCertValidation: true, sniHosts: ["foo.org"] })],
        [service("gw-ns/gw")],
      ),
    ],
    callers: [
      [tls(GATEWAY, "none", "foo.org"), forward()],
      [tls(GATEWAY, "none", "bar.org"), close("sni-not-listed")],
      [tls(GATEWAY, "none"), close("sni-missing")],
    ],
  },
];
