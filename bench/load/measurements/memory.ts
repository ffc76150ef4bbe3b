/** Resident memory, and what an idle connection adds to it. */
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { residentOfTrees } from "../../machine/processor-time.ts";
import { callerTls } from "../generators/caller-tls.ts";
import type { MemoryFigure, MemoryPoint } from "./figures.ts";
import type { Extent, Subject } from "./subject.ts";

const CONCURRENT = 8;
/** Of the connections that are opened, after each of which memory is looked at. */
const STEPS = 10;

export type IdleConnections = Required<Pick<MemoryFigure, "kibPerConnection" | "overConnections">>;

function open(options: ConnectionOptions): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect(options, () => socket.write("GET / HTTP/1.1\r\nHost: cart\r\n\r\n"));
  socket.setTimeout(10_000, () => socket.destroy(new Error("no answer within 10 s")));
  socket.once("data", () => {
    socket.setTimeout(0);
    resolve(socket);
  });
  socket.once("error", reject);
  return promise;
}

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
      sockets.push(...(await Promise.all(Array.from({ length: CONCURRENT }, () => open(options)))));
      if (sockets.length >= (idleConnections * points.length) / STEPS)
        points.push({ connections: sockets.length, mib: residentOfTrees(pids) / 1_024 });
    }
    return { kibPerConnection: (residentOfTrees(pids) - before) / sockets.length, overConnections: points };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
