/** Resident memory, and what an idle connection adds to it. */
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { residentOfTrees } from "../../machine/processor-time.ts";
import { callerTls } from "../generators/caller-tls.ts";
import type { Extent, Subject } from "./subject.ts";

const CONCURRENT = 8;

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

/** @returns KiB for a connection that asked once and is idle since */
export async function sampleIdleConnections(subject: Subject, { idleConnections }: Extent): Promise<number> {
  const { pids, mutual, certificates } = subject;
  const before = residentOfTrees(pids);
  const options = callerTls(mutual, certificates);
  const sockets: TLSSocket[] = [];
  try {
    while (sockets.length < idleConnections)
      sockets.push(...(await Promise.all(Array.from({ length: CONCURRENT }, () => open(options)))));
    return (residentOfTrees(pids) - before) / sockets.length;
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
