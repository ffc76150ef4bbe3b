import assert from "node:assert/strict";
import { test } from "node:test";
import { groupRefusals } from "../../../src/admin/status-page/refusals.ts";
import { http, mutual, policy, principal, range, service, slice, type Manifest } from "../../support/mesh/objects.ts";
import { NOW, peer, stateOf } from "./facts-of.ts";

const plain = stateOf([policy([http], [range("10.0.0.0/29")])]);
const secured = (...more: readonly Manifest[]) => stateOf([policy([mutual], [principal("edge.mesh")]), ...more]);

test("callers of one source with one nearest miss are one group, and those of another are not", () => {
  const shown = { tls: true, certificate: "verified", reason: "principal-not-listed", verdict: "forbidden" } as const;
  const [refusals, ...others] = groupRefusals(secured(), [
    peer({ ...shown, sans: ["dns:edgf.mesh"], sni: "a", count: 2 }),
    peer({ ...shown, sans: ["dns:edgf.mesh"], sni: "b", count: 3, lastSeen: NOW - 9_000 }),
    peer({ ...shown, sans: ["dns:EDGE.mesh"] }),
    peer({ ...shown, sans: ["dns:edgf.mesh"], address: "10.9.9.8" }),
    peer({ verdict: "forward", reason: undefined as never }),
  ]);
  assert.deepEqual(others, []);
  assert.deepEqual([refusals?.reason, refusals?.callers, refusals?.connections], ["principal-not-listed", 4, 7]);
  assert.deepEqual(
    refusals?.groups.map(({ address, nearest, connections, lastSeen }) => [address, nearest, connections, lastSeen]),
    [
      ["10.9.9.9", "DNS name 'edgf.mesh' differs from 'edge.mesh' by one character", 5, NOW - 5_000],
      ["10.9.9.9", "DNS name 'EDGE.mesh' differs from 'edge.mesh' in case", 1, NOW - 5_000],
      ["10.9.9.8", "DNS name 'edgf.mesh' differs from 'edge.mesh' by one character", 1, NOW - 5_000],
    ],
  );
});

test("a caller that was refused and would be let in now is said to be", () => {
  const [refusals] = groupRefusals(plain, [peer({ address: "10.0.0.1" })]);
  assert.equal(refusals?.groups[0]?.judgedNow, "is let in now");
});

test("a caller that another test refuses now is said to be", () => {
  const [refusals] = groupRefusals(stateOf([]), [peer({})]);
  assert.match(refusals?.groups[0]?.judgedNow ?? "", /^is refused now by no-policy: no IngressBackend names/);
});

test("a caller that met a port that was closed to everybody is judged by its address, and no further than it was seen", () => {
  const row = peer({ reason: "stale-snapshot" });
  const judgedNow = (state: typeof plain): string | undefined => groupRefusals(state, [row])[0]?.groups[0]?.judgedNow;
  assert.match(judgedNow(plain) ?? "", /^is refused now by source-not-listed: 10\.9\.9\.9 is in none of/);
  assert.equal(judgedNow(secured()), undefined, "of its TLS nothing was seen");
});

test("a certificate that failed keeps the words of its own reason", () => {
  const failed = { tls: true, certificate: "refused", verdict: "tls-alert" } as const;
  const groups = groupRefusals(secured(), [
    peer({ ...failed, reason: "certificate-expired" }),
    peer({ ...failed, reason: "crl-expired" }),
  ]);
  assert.deepEqual(
    groups.map(({ groups: [group] }) => [group?.nearest, group?.judgedNow]),
    [
      ["a certificate issued by the mesh's CA is demanded", undefined],
      ["the revocation list of the certificate's issuer has ended (--tls-crl): provide the current one", undefined],
    ],
  );
});

test("whom audit let in stands apart, with what would have refused it", () => {
  const groups = groupRefusals(plain, [peer({}), peer({ verdict: "forward" })]);
  assert.deepEqual(
    groups.map(({ reason, audited }) => [reason, audited]),
    [
      ["source-not-listed", false],
      ["source-not-listed", true],
    ],
  );
});

test("ten thousand callers are counted, and the latest of them shown", () => {
  const peers = Array.from({ length: 10_000 }, (_, n) =>
    peer({ address: `10.9.${n >> 8}.${n & 255}`, lastSeen: NOW - n, count: 2 }),
  );
  const state = stateOf([policy([http], [service("gw/edge")]), slice("gw/edge", "10.1.1.1")]);
  const [refusals] = groupRefusals(state, peers);
  assert.deepEqual([refusals?.callers, refusals?.connections, refusals?.left], [10_000, 20_000, 9_980]);
  assert.equal(refusals?.groups.length, 20);
  assert.equal(refusals.groups[0]?.address, "10.9.0.0");
});
