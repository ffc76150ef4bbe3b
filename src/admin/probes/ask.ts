/** One question to the application, as the kubelet would ask it. */
import type { SocketAddress } from "../../config/config.ts";
import { askTcp } from "./ask-tcp.ts";
import type { ProbeAnswer, Question } from "./question.ts";

/**
 * Never rejects: what cannot be asked is not healthy.
 *
 * @param to where the application listens
 */
export async function ask(question: Question, to: SocketAddress, timeoutMs: number): Promise<ProbeAnswer> {
  const timer = AbortSignal.timeout(timeoutMs);
  try {
    return await put(question, to, timer);
  } catch (error) {
    if (timer.aborted) return { healthy: false, words: `the application has not answered within ${timeoutMs} ms` };
    const { code, message } = error as NodeJS.ErrnoException;
    return { healthy: false, words: `the application cannot be asked: ${code ?? message}` };
  }
}

/** What HTTP/2 and https bring along is loaded by who is asked such a question: most pods are not. */
async function put(question: Question, to: SocketAddress, timer: AbortSignal): Promise<ProbeAnswer> {
  switch (question.kind) {
    case "http": {
      const { askHttp } = await import("./ask-http.ts");
      return askHttp(question, to, timer);
    }
    case "tcp":
      return askTcp(to, timer);
    case "grpc": {
      const { askGrpc } = await import("./ask-grpc.ts");
      return askGrpc(question.service, to, timer);
    }
  }
}
