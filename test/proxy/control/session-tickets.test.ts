import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { SessionTickets } from "../../../src/proxy/control/session-tickets.ts";
import type { TicketSecret } from "../../../src/tls/session-tickets.ts";

/** What was brought to the threads, and what they were started with. */
function tickets(trust: string) {
  const published: (TicketSecret | undefined)[] = [];
  const made = new SessionTickets(trust, (secret) => published.push(secret));
  return { made, published, [Symbol.dispose]: () => made.stop() };
}

test("refused sessions take the tickets of all, and no flood of them does so again at once", () => {
  using subject = tickets("a");
  const { made, published } = subject;
  const first = made.secret;
  for (let count = 0; count < 100; count += 1) assert.equal(made.reported("session-refused"), false);
  assert.equal(published.length, 1);
  assert.notDeepEqual(published[0], first);
  assert.deepEqual(made.secret, published[0]);
});

test("certificates that need their chain end resumption, which is said once, until other CAs are trusted", () => {
  using subject = tickets("a");
  const { made, published } = subject;
  assert.deepEqual([made.reported("chain-needed"), made.reported("chain-needed")], [true, false]);
  assert.deepEqual(published, [undefined]);
  made.reported("session-refused");
  made.trusting("a");
  assert.equal(made.secret, undefined, "by the same trust it stays so");
  made.trusting("b");
  assert.ok(made.secret !== undefined);
  assert.deepEqual(published.at(-1), made.secret);
});

test("a secret lasts an hour, and none comes back where resumption has ended", () => {
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    using subject = tickets("a");
    const { made, published } = subject;
    mock.timers.tick(3_599_999);
    assert.equal(published.length, 0);
    mock.timers.tick(1);
    assert.equal(published.length, 1);
    made.reported("chain-needed");
    mock.timers.tick(7_200_000);
    assert.equal(made.secret, undefined);
  } finally {
    mock.timers.reset();
  }
});
