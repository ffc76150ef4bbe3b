/** An application that speaks HTTP/2 without TLS frame by frame, for responses that no library would send. */
import type { Socket } from "node:net";
import { FLAG, frame, FRAME, FrameReader, PREFACE } from "../caller/http2-frames.ts";
import { startTcpApplication, type TestApplication } from "./application.ts";

/** @param onRequest told of each request's head; what it writes to the socket is the response */
export function startHttp2ByHand(onRequest: (stream: number, socket: Socket) => void): Promise<TestApplication> {
  return startTcpApplication((socket) => {
    const reader = new FrameReader();
    let preface = PREFACE.length;
    socket.on("end", () => socket.end());
    socket.on("data", (chunk: Buffer) => {
      const skipped = Math.min(preface, chunk.length);
      preface -= skipped;
      for (const { type, flags, stream, payload } of reader.push(chunk.subarray(skipped))) {
        const acknowledged = (flags & FLAG.acknowledge) !== 0;
        if (type === FRAME.settings && !acknowledged) socket.write(frame(FRAME.settings, FLAG.acknowledge, 0));
        else if (type === FRAME.ping && !acknowledged) socket.write(frame(FRAME.ping, FLAG.acknowledge, 0, payload));
        else if (type === FRAME.headers) onRequest(stream, socket);
      }
    });
    socket.write(frame(FRAME.settings, 0, 0));
  });
}
