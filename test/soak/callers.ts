/** Whom the lanes of a long run call, and with which certificate; each connection asks anew, since certificates change. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { connect, type CallerTls } from "../support/caller/caller.ts";

export interface Target {
  /** mTLS, parsed. */
  readonly http: number;
  /** mTLS, bytes copied; the application behind it sends back what it gets. */
  readonly stream: number;
  readonly gateway: () => CallerTls;
  readonly wrongName: () => CallerTls;
}

/** An error between two steps shows in the step after it; without a listener it would end the whole run. */
export async function open(options: Parameters<typeof connect>[0]): Promise<Socket> {
  const socket = await connect(options);
  socket.on("error", () => undefined);
  return socket;
}

/** Bytes that are missing at the end are a lost connection; others are wrong. */
export function assertSame(received: Buffer, sent: Buffer): void {
  assert.ok(received.equals(sent.subarray(0, received.length)), "the bytes came back changed");
  if (received.length < sent.length) throw new Error(`${received.length} of ${sent.length} bytes came back`);
}
