/** The kubelet's tcpSocket (pkg/probe/tcp): a connection that opens is healthy. */
import { connect } from "node:net";
import { once } from "node:events";
import type { SocketAddress } from "../../config/config.ts";
import type { ProbeAnswer } from "./question.ts";

export async function askTcp({ host, port }: SocketAddress, timer: AbortSignal): Promise<ProbeAnswer> {
  const socket = connect({ host, port });
  try {
    await once(socket, "connect", { signal: timer });
    return { healthy: true, words: "the application takes connections" };
  } finally {
    socket.on("error", () => undefined).destroy();
  }
}
