/** Reads the body of one request by its framing: bytes in, data or an error out. */
import type { BodyFraming } from "./body-framing.ts";
import { ChunkedDecoder, type TrailerLimits } from "./chunked-decoder.ts";
import { WireFault } from "./wire-fault.ts";

const EMPTY = Buffer.alloc(0);
const NO_TRAILERS: readonly string[] = [];

export class RequestBodyReader {
  readonly #decoder: ChunkedDecoder | undefined;
  #left: number;
  /** What the last `read` brought: a view of its bytes. */
  data: Buffer = EMPTY;

  constructor(framing: BodyFraming, limits: TrailerLimits) {
    this.#decoder = framing.kind === "chunked" ? new ChunkedDecoder(limits, "request") : undefined;
    this.#left = framing.kind === "length" ? framing.bytes : 0;
  }

  get done(): boolean {
    return this.#decoder === undefined ? this.#left === 0 : this.#decoder.done;
  }

  /** Flat name-value array once `done`. */
  get trailers(): readonly string[] {
    return this.#decoder?.trailers ?? NO_TRAILERS;
  }

  /** @param bytes written to @returns the offset behind what belongs to the body */
  read(bytes: Buffer, start: number): number | WireFault {
    const decoder = this.#decoder;
    if (decoder === undefined) {
      const end = Math.min(bytes.length, start + this.#left);
      this.data = bytes.subarray(start, end);
      this.#left -= end - start;
      return end;
    }
    const end = decoder.read(bytes, start);
    if (end instanceof WireFault) return end;
    if (framesMessage(decoder.trailers)) return new WireFault("framing", "trailers that frame a message");
    this.data = decoder.data;
    return end;
  }
}

/** Whoever took trailers for lines of the head would find another end of the message in them. */
function framesMessage(trailers: readonly string[]): boolean {
  for (let index = 0; index < trailers.length; index += 2) {
    const name = trailers[index]!.toLowerCase();
    if (name === "content-length" || name === "transfer-encoding") return true;
  }
  return false;
}
