/**
 * The kubelet's grpc (pkg/probe/grpc): `grpc.health.v1.Health/Check` over plain HTTP/2, healthy when the status is SERVING.
 * One call of two fixed messages, written out here: a gRPC library would cost each sidecar more memory than all of this file.
 */
import { connect, constants, type ClientHttp2Session } from "node:http2";
import { addressText, type SocketAddress } from "../../config/config.ts";
import type { ProbeAnswer } from "./question.ts";

const SERVING = 1;
/** A response of this call has two bytes. */
const MAX_BYTES = 1_024;
/** Status names that an operator meets (gRPC core, statuscodes). */
const UNIMPLEMENTED = "12";
const NOT_FOUND = "5";

interface Call {
  readonly grpcStatus: string;
  readonly message: Buffer;
}

export async function askGrpc(service: string, to: SocketAddress, timer: AbortSignal): Promise<ProbeAnswer> {
  const session = connect(`http://${addressText(to)}`);
  try {
    const { grpcStatus, message } = await check(session, service, timer);
    if (grpcStatus === UNIMPLEMENTED)
      return { healthy: false, words: "the application does not implement grpc.health.v1.Health" };
    if (grpcStatus === NOT_FOUND) return { healthy: false, words: "the application does not know the gRPC service" };
    if (grpcStatus !== "0") return { healthy: false, words: `the application answered gRPC status ${grpcStatus}` };
    const status = servingStatus(message);
    return status === SERVING
      ? { healthy: true, words: "the application is SERVING" }
      : { healthy: false, words: `the application's health is ${status ?? "not readable"}, expected SERVING (1)` };
  } finally {
    session.destroy();
  }
}

function check(session: ClientHttp2Session, service: string, timer: AbortSignal): Promise<Call> {
  return new Promise((resolve, reject) => {
    const abandon = (): void => reject(new Error("too late"));
    if (timer.aborted) abandon();
    timer.addEventListener("abort", abandon, { once: true });
    session.on("error", reject).on("close", () => reject(new Error("the connection ended")));
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      "user-agent": "kube-probe/postern",
      te: "trailers",
    });
    let grpcStatus = "without a status";
    const chunks: Buffer[] = [];
    let bytes = 0;
    const read = (headers: Readonly<Record<string, unknown>>): void => {
      const status = headers["grpc-status"];
      if (typeof status === "string") grpcStatus = status;
    };
    stream
      .on("response", (headers) => {
        read(headers);
        const status = Number(headers[constants.HTTP2_HEADER_STATUS]);
        if (status !== 200) reject(new Error(`HTTP status ${status}`));
      })
      .on("trailers", read)
      .on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) reject(new Error("the message is too long"));
        else chunks.push(chunk);
      })
      // A connection that cannot be had cancels the stream first.
      .on("error", (error) => reject(error.cause instanceof Error ? error.cause : error))
      .on("end", () => resolve({ grpcStatus, message: Buffer.concat(chunks) }))
      .end(request(service));
  });
}

/** `HealthCheckRequest { string service = 1; }` behind gRPC's length (5 bytes: uncompressed, and how many follow). */
function request(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** `HealthCheckResponse { ServingStatus status = 1; }`; an absent field is 0 (UNKNOWN). */
function servingStatus(message: Buffer): number | undefined {
  if (message.length < 5 || message[0] !== 0 || message.readUInt32BE(1) !== message.length - 5) return undefined;
  if (message.length === 5) return 0;
  return message.length === 7 && message[5] === 0x08 ? message[6] : undefined;
}
