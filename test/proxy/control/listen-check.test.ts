import assert from "node:assert/strict";
import { test } from "node:test";
import { settleListenAddresses } from "../../../src/proxy/control/listen-check.ts";
import { freePorts } from "../../support/process/ports.ts";
import { backendPort } from "../../../src/policy/model.ts";

/** Documentation addresses (RFC 3849): as little to be had as any IPv6 address on a machine without IPv6. */
const NOWHERE = "2001:db8::1";

test("a default listener that IPv6 refuses is that of IPv4; one that somebody has named is refused", async () => {
  const [port = 0] = await freePorts(1);
  const named = { port: backendPort(80), listen: { host: NOWHERE, port }, app: { host: "127.0.0.1", port: 80 } };
  const [settled] = await settleListenAddresses([{ ...named, listenByDefault: true }]);
  assert.deepEqual(settled?.listen, { host: "0.0.0.0", port });
  await assert.rejects(settleListenAddresses([named]), { name: "ListenError" });
});
