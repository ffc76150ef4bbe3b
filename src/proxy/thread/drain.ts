/** The end of a thread's service: what is queued or in flight is served, and what is left at the deadline is cut. */
import { setTimeout as delay } from "node:timers/promises";
import type { AcceptedConnection } from "../connection/accepted-connection.ts";
import { admissionOf } from "../connection/connection-phase.ts";
import type { ConnectionTable } from "../connection/connection-table.ts";
import { faultIn } from "../forward/boundary.ts";
import type { Listener } from "./listener.ts";

/** For sockets that were cut to close and leave their record. */
const CUT_SETTLE_MS = 250;
/** How long a connection without a byte may still send its first one. */
const SILENT_AT_DRAIN_MS = 1_000;

/** @returns how many admitted connections were cut */
export async function drainThread(
  table: ConnectionTable,
  listeners: readonly Listener[],
  deadlineMs: number,
): Promise<number> {
  const deadline = delay(deadlineMs);
  for (const connection of table) drainConnection(connection);
  await Promise.race([deadline, Promise.all(listeners.map((listener) => listener.drain()))]);
  const silent = setTimeout(() => endSilent(table), SILENT_AT_DRAIN_MS);
  await Promise.race([deadline, table.whenEmpty()]);
  clearTimeout(silent);
  for (const listener of listeners) listener.close();
  // Whoever never got through its handshake has lost nothing.
  const cut = [...table].filter(({ phase }) => admissionOf(phase) !== undefined).length;
  for (const connection of table) {
    connection.end("drained");
    connection.reset();
  }
  await Promise.race([delay(CUT_SETTLE_MS), table.whenEmpty()]);
  return cut;
}

/** Connections that were opened in advance, as gateways do, and not used. */
function endSilent(table: ConnectionTable): void {
  for (const connection of table)
    if (admissionOf(connection.phase) === undefined && connection.raw.bytesRead === 0) connection.close("drained");
}

/** One that is still in its handshake is told when it is admitted. */
function drainConnection(connection: AcceptedConnection): void {
  const admission = admissionOf(connection.phase);
  if (admission === undefined) return;
  try {
    connection.drain();
    admission.forwarder.drain(connection);
  } catch (thrown) {
    connection.fault(faultIn("connection drain", thrown));
  }
}
