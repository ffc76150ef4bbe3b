/** Who may connect: ranges, IPv6, mapped addresses, overlaps, ranges that are none. */
import { http, policy, range, service, slice } from "../../support/mesh/objects.ts";
import { close, forward, GATEWAY, plain, STRANGER, WORLD, type DecisionCase } from "./decision.ts";

const unknown = close("source-not-listed");
const gateway = forward("Service gw-ns/gw");
const fromGateway = policy([http], [service("gw-ns/gw")]);

export const RANGE_DECISIONS: readonly DecisionCase[] = [
  {
    id: "D11",
    about: "an address inside a range",
    objects: [policy([http], [range("10.0.0.0/8")])],
    callers: [
      [plain("10.250.3.4"), forward("IPRange 10.0.0.0/8")],
      [plain("10.0.0.0"), forward()],
      [plain("10.255.255.255"), forward()],
    ],
  },
  {
    id: "D12",
    about: "an address outside a range, on both sides of it",
    objects: [policy([http], [range("10.8.0.0/13")])],
    callers: [
      [plain("10.7.255.255"), unknown],
      [plain("10.16.0.0"), unknown],
      [plain("10.8.0.0"), forward()],
      [plain("10.15.255.255"), forward()],
      [plain("11.8.0.0"), unknown],
    ],
  },
  {
    id: "D12a",
    about: "a range of one address",
    objects: [policy([http], [range("10.0.0.10/32")])],
    callers: [
      [plain(GATEWAY), forward()],
      [plain("10.0.0.11"), unknown],
      [plain("10.0.0.9"), unknown],
    ],
  },
  {
    id: "D12b",
    about: "a range of two addresses",
    objects: [policy([http], [range("10.0.0.10/31")])],
    callers: [
      [plain(GATEWAY), forward()],
      [plain("10.0.0.11"), forward()],
      [plain("10.0.0.12"), unknown],
      [plain("10.0.0.9"), unknown],
    ],
  },
  {
    id: "D51",
    about: "an IPv6 endpoint lets in itself alone",
    objects: [slice("gw-ns/gw", "fd00:10::5"), fromGateway],
    callers: [
      [plain("fd00:10::5"), gateway],
      [plain("fd00:10::6"), unknown],
      [plain("fd00:10:0:0:0:0:0:5"), gateway],
      [plain("FD00:10::5"), gateway],
    ],
  },
  {
    id: "D51a",
    about: "two IPv6 endpoints of one /32 do not collide",
    objects: [slice("gw-ns/gw", "fd00:10::5", "fd00:10::6"), fromGateway],
    callers: [
      [plain("fd00:10::5"), gateway],
      [plain("fd00:10::6"), gateway],
      [plain("fd00:10::7"), unknown],
    ],
  },
  {
    id: "D52",
    about: "a mapped address is the IPv4 address",
    objects: [...WORLD, fromGateway],
    callers: [
      [plain(`::ffff:${GATEWAY}`), gateway],
      [plain("::ffff:a00:a"), gateway],
      [plain(`::ffff:${STRANGER}`), unknown],
      [plain("::10.0.0.10"), unknown],
    ],
  },
  {
    id: "D52a",
    about: "an endpoint written as mapped address is the IPv4 address",
    objects: [slice("gw-ns/gw", `::ffff:${GATEWAY}`), fromGateway],
    callers: [
      [plain(GATEWAY), gateway],
      [plain(STRANGER), unknown],
    ],
  },
  {
    id: "D52b",
    about: "a range written as mapped IPv6 is an IPv4 range",
    objects: [policy([http], [range("::ffff:10.0.0.0/104")])],
    callers: [
      [plain("10.1.2.3"), forward()],
      [plain("::ffff:10.1.2.3"), forward()],
      [plain("11.1.2.3"), unknown],
    ],
  },
  {
    id: "D67",
    about: "all of IPv4 is no IPv6",
    objects: [policy([http], [range("0.0.0.0/0")])],
    callers: [
      [plain("10.0.0.1"), forward("IPRange 0.0.0.0/0")],
      [plain("255.255.255.255"), forward()],
      [plain("0.0.0.0"), forward()],
      [plain("::ffff:9.9.9.9"), forward()],
      [plain("fd00::1"), unknown],
    ],
  },
  {
    id: "D68",
    about: "an IPv6 range",
    objects: [policy([http], [range("2001:db8::/32")])],
    callers: [
      [plain("2001:db8::1"), forward()],
      [plain("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), forward()],
      [plain("2001:db9::"), unknown],
      [plain("2001:db7:ffff::"), unknown],
      [plain(GATEWAY), unknown],
    ],
  },
  {
    id: "D68a",
    about: "all of IPv6 is no IPv4",
    objects: [policy([http], [range("::/0")])],
    callers: [
      [plain("fd00::1"), forward()],
      [plain("::1"), forward()],
      [plain("10.0.0.1"), unknown],
    ],
  },
  {
    id: "D68b",
    about: "an IPv6 range of one address",
    objects: [policy([http], [range("fd00::1/128")])],
    callers: [
      [plain("fd00::1"), forward()],
      [plain("fd00::2"), unknown],
      [plain("fd00::"), unknown],
    ],
  },
  {
    id: "D70",
    about: "host bits of a range are masked",
    objects: [policy([http], [range("10.1.2.3/8")])],
    callers: [
      [plain("10.200.0.1"), forward()],
      [plain("11.1.2.3"), unknown],
    ],
  },
  {
    id: "D70a",
    about: "a prefix length with a leading zero",
    objects: [policy([http], [range("10.0.0.0/08")])],
    callers: [
      [plain("10.200.0.1"), forward()],
      [plain("11.0.0.1"), unknown],
    ],
  },
  {
    id: "D66",
    about: "overlapping and repeated ranges are one set",
    objects: [
      ...WORLD,
      policy(
        [http],
        [
          range("10.0.0.0/16"),
          range("10.0.0.0/24"),
          range("10.0.0.0/16"),
          range("10.0.0.10/32"),
          service("gw-ns/gw"),
          range("10.0.255.0/24"),
        ],
      ),
    ],
    callers: [
      [plain(GATEWAY), forward()],
      [plain("10.0.0.255"), forward()],
      [plain("10.0.255.1"), forward()],
      [plain("10.1.0.0"), unknown],
    ],
  },
  {
    id: "D66a",
    about: "touching ranges leave no gap and no overhang",
    objects: [policy([http], [range("10.0.1.0/24"), range("10.0.0.0/24"), range("10.0.3.0/24")])],
    callers: [
      [plain("10.0.0.255"), forward()],
      [plain("10.0.1.0"), forward()],
      [plain("10.0.2.0"), unknown],
      [plain("10.0.3.0"), forward()],
    ],
  },
  {
    id: "D69",
    about: "when every range is invalid nobody gets in",
    objects: [policy([http], [range("invalid")])],
    callers: [
      [plain(GATEWAY), close("no-usable-source")],
      [plain("127.0.0.1"), close("no-usable-source")],
    ],
  },
  {
    id: "D69a",
    about: "an invalid range beside a good one is left out",
    objects: [policy([http], [range("invalid"), range("10.0.0.0/8")])],
    callers: [
      [plain(GATEWAY), forward()],
      [plain("11.0.0.1"), unknown],
    ],
  },
  {
    id: "D69b",
    about: "an invalid range beside a live Service is left out",
    objects: [...WORLD, policy([http], [range("10.0.0.1"), service("gw-ns/gw")])],
    callers: [
      [plain(GATEWAY), gateway],
      [plain("10.0.0.1"), unknown],
    ],
  },
  {
    id: "D69c",
    about: "an invalid range and an empty Service leave nobody",
    objects: [policy([http], [range("invalid"), service("gw-ns/missing")])],
    callers: [[plain(GATEWAY), close("source-without-endpoints")]],
  },
];
