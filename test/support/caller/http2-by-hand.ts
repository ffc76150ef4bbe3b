/** A caller that speaks HTTP/2 frame by frame, and sees in which order the frames of a response come. */
import { connect, type CallerTls } from "./caller.ts";
import { FLAG, frame, FRAME, FrameReader, PREFACE, type Frame } from "./http2-frames.ts";
import type { Socket } from "node:net";

export class FrameCaller implements Disposable {
  readonly frames: Frame[] = [];
  readonly #socket: Socket;
  readonly #waiting = new Set<() => void>();
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new FrameReader();
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      for (const received of reader.push(chunk)) this.#take(received);
      for (const wake of this.#waiting) wake();
    });
    socket.once("end", () => socket.end());
    socket.once("close", () => {
      this.#closed = true;
      for (const wake of this.#waiting) wake();
    });
  }

  /** Resolves when the other side has shown its settings. */
  static async connect(port: number, tls?: CallerTls): Promise<FrameCaller> {
    const secured = tls && { tls: { ...tls, options: { ALPNProtocols: ["h2"], ...tls.options } } };
    const caller = new FrameCaller(await connect({ port, ...secured }));
    caller.send(PREFACE, frame(FRAME.settings, 0, 0));
    await caller.until(({ type }) => type === FRAME.settings);
    return caller;
  }

  send(...frames: readonly Buffer[]): void {
    if (!this.#socket.writableEnded) this.#socket.write(Buffer.concat(frames));
  }

  /** The frames up to the first that matches; all that came when the connection has ended without one. */
  async until(match: (received: Frame) => boolean, timeoutMs = 10_000): Promise<readonly Frame[]> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const at = this.frames.findIndex(match);
      if (at !== -1) return this.frames.slice(0, at + 1);
      if (this.#closed) return this.frames;
      if (performance.now() > deadline) throw new Error(`no such frame: ${namesOf(this.frames).join(" ")}`);
      await this.#change(deadline - performance.now());
    }
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #take(received: Frame): void {
    const { type, flags, stream, payload } = received;
    this.frames.push(received);
    const acknowledged = (flags & FLAG.acknowledge) !== 0;
    if (type === FRAME.settings && !acknowledged) this.send(frame(FRAME.settings, FLAG.acknowledge, 0));
    if (type === FRAME.ping && !acknowledged) this.send(frame(FRAME.ping, FLAG.acknowledge, 0, payload));
    if (type !== FRAME.data || payload.length === 0) return;
    const more = Buffer.alloc(4);
    more.writeUInt32BE(payload.length);
    this.send(frame(FRAME.windowUpdate, 0, 0, more), frame(FRAME.windowUpdate, 0, stream, more));
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(1, timeoutMs));
      this.#waiting.add(wake);
    });
  }
}

/** The frames that say something of a stream, in words: a response is `HEADERS DATA END_STREAM`, trailers a second `HEADERS`. */
export function namesOf(frames: readonly Frame[], stream?: number): readonly string[] {
  const names: string[] = [];
  for (const { type, flags, payload, ...received } of frames) {
    if (stream !== undefined && received.stream !== stream) continue;
    if (type === FRAME.headers) names.push("HEADERS");
    if (type === FRAME.data && payload.length > 0 && names.at(-1) !== "DATA") names.push("DATA");
    if (type === FRAME.resetStream) names.push(`RST_STREAM ${payload.readUInt32BE()}`);
    if (type === FRAME.goaway) names.push("GOAWAY");
    if ((type === FRAME.headers || type === FRAME.data) && (flags & FLAG.endStream) !== 0) names.push("END_STREAM");
  }
  return names;
}
