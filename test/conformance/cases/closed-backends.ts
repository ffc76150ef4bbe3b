/** Ports that nobody governs and policies that can let nobody in. */
import {
  backend,
  http,
  policy,
  policyOf,
  principal,
  service,
  serviceObject,
  slice,
} from "../../support/mesh/objects.ts";
import { close, forward, GATEWAY, mtls, plain, STRANGER, tls, WORLD, type DecisionCase } from "./decision.ts";

const unknown = close("source-not-listed");
const gateway = forward("Service gw-ns/gw");
const fromGateway = policy([http], [service("gw-ns/gw")]);

export const CLOSED_DECISIONS: readonly DecisionCase[] = [
  {
    id: "D35",
    about: "principals only, on http: nothing can prove one, so nobody",
    objects: [...WORLD, policy([http], [principal("gw.gw-ns.cluster.local")])],
    callers: [
      [plain(GATEWAY), close("no-usable-source")],
      [plain("10.5.5.5"), close("no-usable-source")],
    ],
  },
  {
    id: "D35a",
    about: "the wildcard does not help on http either",
    objects: [policy([http], [principal("*")])],
    callers: [[plain(GATEWAY), close("no-usable-source")]],
  },
  {
    id: "D35b",
    about: "a principal beside a Service has no effect on http",
    objects: [...WORLD, policy([http], [service("gw-ns/gw"), principal("gw.gw-ns.cluster.local")])],
    callers: [
      [plain(GATEWAY), gateway],
      [plain(STRANGER), unknown],
    ],
  },
  {
    id: "D36",
    about: "no sources, http: nobody",
    objects: [policy([http], [])],
    callers: [[plain(GATEWAY), close("no-usable-source")]],
  },
  {
    id: "D53",
    about: "the port of a policy is the target port, not the Service's",
    objects: [
      serviceObject("test/foo", 8080, 80),
      slice("gw-ns/gw", GATEWAY),
      policy([backend("foo", 8080, "http")], [service("gw-ns/gw")]),
    ],
    callers: [[plain(GATEWAY), close("no-policy")]],
  },
  {
    id: "D53a",
    about: "with the target port it works",
    objects: [serviceObject("test/foo", 8080, 80), slice("gw-ns/gw", GATEWAY), fromGateway],
    callers: [[plain(GATEWAY), gateway]],
  },
  {
    id: "D53b",
    about: "a port that the Service does not declare is a warning, never a refusal",
    objects: [serviceObject("test/foo", 9090), slice("gw-ns/gw", GATEWAY), fromGateway],
    callers: [[plain(GATEWAY), gateway]],
  },
  {
    id: "D54",
    about: "a port that no policy names",
    objects: [...WORLD, fromGateway],
    port: 81,
    callers: [[plain(GATEWAY), close("no-policy")]],
  },
  {
    id: "D65",
    about: "there is no permissive mode",
    objects: WORLD,
    callers: [
      [plain("10.20.30.40"), close("no-policy")],
      [tls(GATEWAY, "none"), close("no-policy")],
      [mtls(GATEWAY), close("no-policy")],
    ],
  },
  {
    id: "D72",
    about: "a policy of another namespace governs nothing here",
    objects: [...WORLD, policy([http], [service("gw-ns/gw")], "other/ib")],
    callers: [[plain(GATEWAY), close("no-policy")]],
  },
  {
    id: "D72a",
    about: "a policy for another Service governs nothing here",
    objects: [...WORLD, policy([backend("other", 80, "http")], [service("gw-ns/gw")])],
    callers: [[plain(GATEWAY), close("no-policy")]],
  },
  {
    id: "D63",
    about: "matches are ignored, whatever they say",
    objects: [
      ...WORLD,
      policyOf({
        backends: [http],
        sources: [service("gw-ns/gw")],
        matches: [{ apiGroup: "specs.smi-spec.io/v1alpha4", kind: "HTTPRouteGroup", name: "x" }],
      }),
    ],
    callers: [
      [plain(GATEWAY), gateway],
      [plain(STRANGER), unknown],
    ],
  },
];
