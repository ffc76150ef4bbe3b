import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { AcceptedConnection } from "../../../src/proxy/connection/accepted-connection.ts";
import { ConnectionTable } from "../../../src/proxy/connection/connection-table.ts";
import { LiveTrust } from "../../../src/proxy/connection/live-trust.ts";
import type { Connection, Forwarder } from "../../../src/proxy/forward/forwarder.ts";
import type { Refused } from "../../../src/policy/decision.ts";
import { backendPort } from "../../../src/policy/model.ts";
import { peerAddress } from "../../../src/policy/address/peer-address.ts";
import { Slices } from "../../../src/proxy/connection/slices.ts";

const slices = new Slices(assert.ifError);

const REFUSED: Refused = { verdict: "close", reason: "source-not-listed" };
const CONNECTIONS = 20;
let socket: Socket;
const server = createServer();

before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
});

after(() => {
  socket.destroy();
  server.close();
});

/** Closing a connection takes it 1 ms. */
class SlowForwarder implements Forwarder {
  readonly revoked: string[] = [];
  serve(): void {}
  drain(): void {}

  revoke({ id }: Connection): void {
    for (const until = performance.now() + 1; performance.now() < until;);
    this.revoked.push(id);
  }
}

function admit(table: ConnectionTable, forwarder: Forwarder, raw = socket): readonly AcceptedConnection[] {
  const address = { host: "127.0.0.1", port: 1 };
  return Array.from({ length: CONNECTIONS }, (_, index) => {
    const backend = { port: backendPort(80), listen: address, app: address };
    const connection = new AcceptedConnection(String(index), backend, raw, peerAddress("127.0.0.1"));
    table.accept(connection);
    connection.admit("http", forwarder, [], { verdict: "forward", policy: "test/ib", source: "any" });
    return connection;
  });
}

test("all that lose their right are refused at once and closed in slices, each before it is served anything new", async () => {
  const table = new ConnectionTable(0, slices);
  const forwarder = new SlowForwarder();
  const connections = admit(table, forwarder);
  assert.equal(
    table.revokeIf(() => REFUSED),
    CONNECTIONS,
  );
  assert.ok(connections.every(({ revoked, decision }) => revoked && decision.verdict === "close"));
  assert.ok(forwarder.revoked.length < CONNECTIONS, "all were closed before anything else could happen");

  const last = connections.at(-1)!;
  last.judgeNow();
  assert.equal(forwarder.revoked.at(-1), last.id);
  while (forwarder.revoked.length < CONNECTIONS) await new Promise(setImmediate);
  assert.equal(new Set(forwarder.revoked).size, CONNECTIONS);
});

test("a connection that has closed by itself meanwhile is not closed again", async () => {
  const table = new ConnectionTable(0, slices);
  const forwarder = new SlowForwarder();
  const connections = admit(table, forwarder);
  table.revokeIf(() => REFUSED);
  table.leave(connections.at(-1)!);
  while (forwarder.revoked.length < CONNECTIONS - 1) await new Promise(setImmediate);
  connections.at(-1)!.judgeNow();
  assert.ok(!forwarder.revoked.includes(connections.at(-1)!.id));
});

test("a connection that has closed, and is not written about yet, is judged no more", async () => {
  const table = new ConnectionTable(0, slices);
  const own = connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(own, "connect");
  const [closed] = admit(table, new SlowForwarder(), own);
  own.destroy();
  const revoked = table.revokeIf(() => assert.fail("it was judged"));
  assert.equal(revoked, 0);
  assert.equal(closed?.revoked, false);
  assert.equal(table.size, CONNECTIONS);
});

test("a change of trust takes nothing away from an end that is due", () => {
  const table = new ConnectionTable(0, slices);
  const forwarder = new SlowForwarder();
  const last = admit(table, forwarder).at(-1)!;
  table.revokeIf(() => REFUSED);
  new LiveTrust(table, slices).apply(undefined);
  last.judgeNow();
  assert.ok(forwarder.revoked.includes(last.id));
});
