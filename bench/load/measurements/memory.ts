/** Resident memory, and what an idle connection adds to it. */
import type { TLSSocket } from "node:tls";
import { residentOfTrees } from "../../machine/processor-time.ts";
import { callerTls } from "../generators/caller-tls.ts";
import { keptConnection } from "../generators/one-connection.ts";
import type { MemoryFigure, MemoryPoint } from "./figures.ts";
import type { Extent, Subject } from "./subject.ts";

const CONCURRENT = 8;
/** Of the connections that are opened, after each of which memory is looked at. */
const STEPS = 10;

export type IdleConnections = Required<Pick<MemoryFigure, "kibPerConnection" | "overConnections">>;

export function residentMiB({ pids }: Subject): number {
  return residentOfTrees(pids) / 1_024;
}

/** @returns what is resident before the first connection, in steps to the last, and so for each; all idle after one request */
export async function sampleIdleConnections(subject: Subject, { idleConnections }: Extent): Promise<IdleConnections> {
  const { pids, mutual, certificates } = subject;
  const before = residentOfTrees(pids);
  const options = callerTls(mutual, certificates);
  const sockets: TLSSocket[] = [];
  const points: MemoryPoint[] = [{ connections: 0, mib: before / 1_024 }];
  try {
    while (sockets.length < idleConnections) {
      sockets.push(...(await Promise.all(Array.from({ length: CONCURRENT }, () => keptConnection(options)))));
      if (sockets.length >= (idleConnections * points.length) / STEPS)
        points.push({ connections: sockets.length, mib: residentOfTrees(pids) / 1_024 });
    }
    return { kibPerConnection: (residentOfTrees(pids) - before) / sockets.length, overConnections: points };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
