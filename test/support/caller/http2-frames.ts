/** HTTP/2 by hand (RFC 9113 section 4, RFC 7541 section 6.2.2), for messages that no library would send. */

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 1, acknowledge: 1, endHeaders: 4 } as const;

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Literal header lines without indexing: what is written is what is sent, forbidden bytes included. */
export function headerBlock(lines: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(lines.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

export const REQUEST: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/x"],
  [":authority", "a"],
];

/** One request on a stream. */
export function request(
  stream: number,
  lines: readonly (readonly [string, string])[] = REQUEST,
  body?: Buffer,
): Buffer {
  const flags = FLAG.endHeaders | (body === undefined ? FLAG.endStream : 0);
  const head = frame(FRAME.headers, flags, stream, headerBlock(lines));
  return body === undefined ? head : Buffer.concat([head, frame(FRAME.data, FLAG.endStream, stream, body)]);
}

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** What came back, frame by frame. */
export function readFrames(bytes: Buffer): readonly Frame[] {
  return new FrameReader().push(bytes);
}

/** Whole frames out of bytes that come in pieces. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): readonly Frame[] {
    const frames: Frame[] = [];
    this.#pending = Buffer.concat([this.#pending, bytes]);
    for (;;) {
      const pending = this.#pending;
      const end = pending.length < 9 ? Number.POSITIVE_INFINITY : 9 + pending.readUIntBE(0, 3);
      if (pending.length < end) return frames;
      frames.push({
        type: pending[3]!,
        flags: pending[4]!,
        stream: pending.readUInt32BE(5) & 0x7fffffff,
        payload: pending.subarray(9, end),
      });
      this.#pending = pending.subarray(end);
    }
  }
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.from([...length, rest]), bytes]);
}
