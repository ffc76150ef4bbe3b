/** A small gRPC service over plain strings, with every kind of stream. No schema: messages are JSON. */
import {
  credentials,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
  status,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  type Metadata,
  type sendUnaryData,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type ServiceError,
} from "@grpc/grpc-js";

const serialize = (value: string): Buffer => Buffer.from(JSON.stringify(value));
const deserialize = (bytes: Buffer): string => JSON.parse(bytes.toString()) as string;

function method(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Words/${name}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  };
}

const WORDS: ServiceDefinition = {
  say: method("say", false, false),
  count: method("count", false, true),
  join: method("join", true, false),
  echo: method("echo", true, true),
};

type Reply = (error: ServiceError | null, value?: string) => void;

export interface WordsClient extends Client {
  say(word: string, metadata: Metadata, options: object, reply: Reply): ClientUnaryCall;
  count(upTo: string): ClientReadableStream<string>;
  join(reply: Reply): ClientWritableStream<string>;
  echo(): ClientDuplexStream<string, string>;
}

export interface GrpcApplication extends AsyncDisposable {
  readonly port: number;
  /** Calls that were cancelled by their caller, by method. */
  readonly cancelled: string[];
  /** Paths and metadata that reached it. */
  readonly seen: { readonly path: string; readonly metadata: Metadata }[];
}

/** Speaks HTTP/2 without TLS, as an application in a pod does. */
export async function startGrpcApplication(): Promise<GrpcApplication> {
  const server = new Server();
  const cancelled: string[] = [];
  const seen: { path: string; metadata: Metadata }[] = [];
  server.addService(WORDS, {
    say(call: ServerUnaryCall<string, string>, reply: sendUnaryData<string>): void {
      seen.push({ path: call.getPath(), metadata: call.metadata });
      call.on("cancelled", () => cancelled.push("say"));
      if (call.request === "hang") return;
      if (call.request === "fail") reply({ code: status.FAILED_PRECONDITION, details: "not today: ä" });
      else reply(null, `you said ${call.request.length > 100 ? call.request.length : call.request}`);
    },
    count(call: ServerWritableStream<string, string>): void {
      call.on("cancelled", () => cancelled.push("count"));
      if (call.request === "forever") {
        call.write("0");
        return;
      }
      for (let number = 1; number <= Number(call.request); number += 1) call.write(String(number));
      call.end();
    },
    join(call: ServerReadableStream<string, string>, reply: sendUnaryData<string>): void {
      const words: string[] = [];
      call.on("data", (word: string) => words.push(word)).on("end", () => reply(null, words.join(" ")));
    },
    echo(call: ServerDuplexStream<string, string>): void {
      call.on("data", (word: string) => call.write(word)).on("end", () => call.end());
      call.on("cancelled", () => cancelled.push("echo"));
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    port,
    cancelled,
    seen,
    [Symbol.asyncDispose]: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** @param tls PEM of the CA, and of the caller's key and certificate; absent: prior knowledge without TLS */
export function grpcClient(
  port: number,
  tls?: { readonly ca: string; readonly pair: { readonly keyPem: string; readonly certPem: string } },
): WordsClient {
  const Words = makeGenericClientConstructor(WORDS, "Words");
  const channel =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(Buffer.from(tls.ca), Buffer.from(tls.pair.keyPem), Buffer.from(tls.pair.certPem), {
          checkServerIdentity: () => undefined,
        });
  return new Words(`127.0.0.1:${port}`, channel, {
    "grpc.enable_retries": 0,
    // The server's certificate names a Service, not this address.
    "grpc.ssl_target_name_override": "foo.test.cluster.local",
    "grpc.default_authority": "foo.test",
  }) as unknown as WordsClient;
}
