/** Resident memory, and what an idle connection adds to it. */
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { residentOfTrees } from "../../machine/processor-time.ts";
import { callerTls } from "../generators/caller-tls.ts";
import type { MemoryFigure } from "./figures.ts";
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

/** @param startKiB its resident memory before any load */
export async function sampleMemory(
  { pids, mutual, certificates }: Subject,
  { idleConnections }: Extent,
  startKiB: number,
): Promise<MemoryFigure> {
  const loadedKiB = residentOfTrees(pids);
  const options = callerTls(mutual, certificates);
  const sockets: TLSSocket[] = [];
  try {
    while (sockets.length < idleConnections)
      sockets.push(...(await Promise.all(Array.from({ length: CONCURRENT }, () => open(options)))));
    return {
      startMiB: startKiB / 1_024,
      loadedMiB: loadedKiB / 1_024,
      kibPerConnection: (residentOfTrees(pids) - loadedKiB) / sockets.length,
    };
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}
