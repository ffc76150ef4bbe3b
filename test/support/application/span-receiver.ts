/** An OTLP/HTTP receiver: keeps the spans that it is sent, read by the field numbers of opentelemetry-proto's trace.proto. */
import { createServer } from "node:http";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { freePorts } from "../process/ports.ts";

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  readonly durationMs: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** 2 is an error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, string | number>>;
}

/** Field number to what was sent under it: lengths as buffers, all else as numbers. */
type Message = ReadonlyMap<number, readonly (Buffer | bigint)[]>;

function parseMessage(bytes: Buffer): Message {
  const fields = new Map<number, (Buffer | bigint)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const value =
      wire === 0
        ? varint()
        : wire === 1
          ? take(8).readBigUInt64LE()
          : wire === 2
            ? take(Number(varint()))
            : BigInt(take(4).readUInt32LE());
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value]);
  }
  return fields;
}

const messages = (message: Message, field: number): readonly Message[] =>
  (message.get(field) ?? []).map((value) => parseMessage(value as Buffer));
const bytes = (message: Message, field: number): Buffer => (message.get(field)?.[0] ?? Buffer.of()) as Buffer;
const number = (message: Message, field: number): number => Number(message.get(field)?.[0] ?? 0);

function attributes(message: Message, field: number): Record<string, string | number> {
  return Object.fromEntries(
    messages(message, field).map((pair) => {
      const [value = new Map() as Message] = messages(pair, 2);
      return [bytes(pair, 1).toString(), value.has(1) ? bytes(value, 1).toString() : number(value, 3)];
    }),
  );
}

function spansOf(body: Buffer): readonly ReceivedSpan[] {
  return messages(parseMessage(body), 1).flatMap((resourceSpans) =>
    messages(resourceSpans, 2).flatMap((scope) =>
      messages(scope, 2).map((span) => ({
        traceId: bytes(span, 1).toString("hex"),
        spanId: bytes(span, 2).toString("hex"),
        parentId: bytes(span, 4).toString("hex"),
        name: bytes(span, 5).toString(),
        kind: number(span, 6),
        durationMs: Number((span.get(8)?.[0] as bigint) - (span.get(7)?.[0] as bigint)) / 1e6,
        attributes: attributes(span, 9),
        status: messages(span, 15).map((status) => number(status, 3))[0] ?? 0,
        resource: messages(resourceSpans, 1).map((resource) => attributes(resource, 1))[0] ?? {},
      })),
    ),
  );
}

export class SpanReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  readonly url: string;
  readonly #close: () => Promise<void>;

  private constructor(url: string, close: () => Promise<void>) {
    this.url = url;
    this.#close = close;
  }

  static async start(): Promise<SpanReceiver> {
    const server = createServer((request, response) => {
      void buffer(request).then((body) => {
        if (request.url === "/v1/traces") receiver.spans.push(...spansOf(body));
        response.writeHead(request.url === "/v1/traces" ? 200 : 404).end();
      });
    });
    const [port = 0] = await freePorts(1);
    const receiver = new SpanReceiver(`http://127.0.0.1:${port}`, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return receiver;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
