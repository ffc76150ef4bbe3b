import assert from "node:assert/strict";
import { Socket } from "node:net";
import { test } from "node:test";
import type { RefusalReason } from "../../../src/policy/decision.ts";
import { UNKNOWN_OWNERS } from "../../../src/policy/address/address-set.ts";
import { backendPort } from "../../../src/policy/model.ts";
import { peerAddress } from "../../../src/policy/address/peer-address.ts";
import { AcceptedConnection } from "../../../src/proxy/connection/accepted-connection.ts";
import { PeerMemory } from "../../../src/proxy/connection/peer-memory.ts";
import type { Forwarder } from "../../../src/proxy/forward/forwarder.ts";

const backend = {
  port: backendPort(80),
  listen: { host: "127.0.0.1", port: 1 },
  app: { host: "127.0.0.1", port: 2 },
};
const forwarder = {} as Forwarder;

function connectionOf(address: string): AcceptedConnection {
  return new AcceptedConnection("1", backend, new Socket(), peerAddress(address));
}

function served(address: string): AcceptedConnection {
  const connection = connectionOf(address);
  connection.admit("http", forwarder, UNKNOWN_OWNERS, {
    verdict: "forward",
    policy: "test/ib",
    source: "IPRange 10.0.0.0/8",
  });
  return connection;
}

function refused(address: string, reason: RefusalReason = "source-not-listed"): AcceptedConnection {
  const connection = connectionOf(address);
  connection.refuse("refused", { verdict: "close", reason, policy: "test/ib" });
  return connection;
}

test("a flood of refused callers is bounded and drives out none that is served", () => {
  const memory = new PeerMemory();
  memory.note(served("10.0.0.1"), 1);
  for (let index = 0; index < 10_000; index += 1) memory.note(refused(`192.0.${index >> 8}.${index & 255}`), 2);
  const rows = memory.rows([], 3);
  assert.equal(rows.length, 1_001);
  assert.deepEqual(
    rows.filter(({ verdict }) => verdict === "forward").map(({ address, count }) => [address, count]),
    [["10.0.0.1", 1]],
  );
});

test("one caller is one row with its last verdict, live connections included; one that was never judged is none", () => {
  const memory = new PeerMemory();
  memory.note(served("10.0.0.1"), 10);
  memory.note(refused("10.0.0.1"), 20);
  memory.note(connectionOf("10.0.0.2"), 20);
  const [row, ...others] = memory.rows([served("10.0.0.1")], 30);
  assert.deepEqual(others, []);
  assert.deepEqual([row?.verdict, row?.reason, row?.count, row?.lastSeen], ["forward", undefined, 3, 30]);
});

test("what refuses everybody for a while, or another way of calling, does not make a served caller a refused one", () => {
  for (const reason of ["stale-snapshot", "draining", "no-credentials", "tls-unexpected"] as const) {
    const memory = new PeerMemory();
    memory.note(served("10.0.0.1"), 10);
    memory.note(refused("10.0.0.1", reason), 20);
    const rows = memory.rows([], 30);
    assert.equal(rows.filter(({ verdict, tls }) => verdict === "forward" && !tls).length, 1, reason);
    assert.equal(rows.length, reason === "tls-unexpected" ? 2 : 1);
  }
});

test("a connection that was served until everybody was refused is remembered as served, while it ends and after", () => {
  for (const reason of ["stale-snapshot", "no-credentials", "no-snapshot"] as const) {
    const memory = new PeerMemory();
    const connection = served("10.0.0.1");
    connection.refuse("revoked", { verdict: "close", reason, policy: "test/ib" });
    assert.deepEqual(verdictsOf(memory.rows([connection], 10)), [["forward", undefined]], reason);
    memory.note(connection, 20);
    assert.deepEqual(verdictsOf(memory.rows([], 30)), [["forward", undefined]], reason);
  }
  const memory = new PeerMemory();
  const revoked = served("10.0.0.1");
  revoked.refuse("revoked", { verdict: "close", reason: "source-not-listed", policy: "test/ib" });
  memory.note(revoked, 10);
  assert.deepEqual(verdictsOf(memory.rows([], 30)), [["close", "source-not-listed"]]);
});

function verdictsOf(rows: ReturnType<PeerMemory["rows"]>): readonly (readonly [string, string | undefined])[] {
  return rows.map(({ verdict, reason }) => [verdict, reason]);
}
