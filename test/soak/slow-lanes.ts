/** Callers that take their time: some that are slow and must be served, some that never finish and must be ended. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { open, type Target } from "./callers.ts";
import { single, type Lane } from "./lane.ts";

/** For a handshake, and for a request's header: `--handshake-timeout` and `--header-timeout` of the sidecar. */
export const DEADLINE_MS = 10_000;
/** A timer of a busy machine. */
const EARLY_MS = 1_000;
const REQUEST = "GET /small HTTP/1.1\r\nhost: app.test\r\n\r\n";
const BYTE_PAUSE_MS = 50;
/** How often, and for how long, a slow reader reads nothing. */
const PAUSES = 10;
const READ_PAUSE_MS = 500;

function slowHeader({ http: port, gateway }: Target): Lane {
  return single("slow: a header byte by byte", 100, async () => {
    const socket = await open({ port, tls: gateway() });
    try {
      const answer = once(socket, "data") as Promise<[Buffer]>;
      answer.catch(() => undefined);
      for (const byte of REQUEST) {
        if (!socket.writable) throw new Error("ended before the header was whole");
        socket.write(byte);
        await delay(BYTE_PAUSE_MS);
      }
      assert.match(String((await answer)[0]), /^HTTP\/1\.1 200 /);
    } finally {
      socket.destroy();
    }
  });
}

function slowReader({ http: port, gateway }: Target): Lane {
  return single("slow: reads a little", 100, async () => {
    const socket = await open({ port, tls: gateway() });
    try {
      socket.write("GET /endless HTTP/1.1\r\nhost: app.test\r\n\r\n");
      for (let count = 0; count < PAUSES; count += 1) {
        await once(socket, "data");
        socket.pause();
        await delay(READ_PAUSE_MS);
        if (socket.destroyed) throw new Error("ended while it was slow");
        socket.resume();
      }
    } finally {
      socket.destroy();
    }
  });
}

async function assertEndedInTime(begun: number, closed: Promise<unknown>): Promise<void> {
  await closed.catch(() => undefined);
  const lastedMs = performance.now() - begun;
  if (lastedMs < DEADLINE_MS - EARLY_MS) throw new Error(`ended after ${Math.round(lastedMs)} ms`);
}

function neverHandshakes({ http: port }: Target): Lane {
  return single("slow: no end of the handshake", 100, async () => {
    const begun = performance.now();
    const socket = connectTcp({ port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    const closed = once(socket, "close");
    // The first bytes of a ClientHello.
    socket.resume().write(Buffer.from([22, 3, 1, 2, 0, 1]));
    await assertEndedInTime(begun, closed);
  });
}

function neverAsks({ http: port, gateway }: Target): Lane {
  return single("slow: no end of the header", 100, async () => {
    const begun = performance.now();
    const socket = await open({ port, tls: gateway() });
    const closed = once(socket, "close");
    socket.resume().write(REQUEST.slice(0, -2));
    await assertEndedInTime(begun, closed);
  });
}

export function slowLanes(target: Target): readonly Lane[] {
  return [slowHeader(target), slowReader(target), neverHandshakes(target), neverAsks(target)];
}
