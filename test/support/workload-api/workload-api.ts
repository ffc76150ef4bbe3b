/** A SPIFFE Workload API over a unix socket, which streams what it is given, refuses, is silent or goes away. */
import { join } from "node:path";
import {
  Server,
  ServerCredentials,
  status,
  type ServerWritableStream,
  type ServiceDefinition,
  type StatusObject,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { Made } from "../mesh/certificates.ts";

const SERVICE = loadSync(join(import.meta.dirname, "workload.proto"), { keepCase: true })[
  "SpiffeWorkloadAPI"
] as unknown as ServiceDefinition;

/** A message, or its bytes where they are no message. */
export type Answer = Message | Buffer | "silence" | "end" | Pick<StatusObject, "code" | "details">;

export interface Message {
  readonly svids: readonly Svid[];
  readonly crl?: readonly Buffer[];
  /** By the SPIFFE ID of the trust domain. */
  readonly federated_bundles?: Readonly<Record<string, Buffer>>;
}

interface Svid {
  readonly spiffe_id: string;
  readonly x509_svid: Buffer;
  readonly x509_svid_key: Buffer;
  readonly bundle: Buffer;
  readonly hint?: string;
}

type Call = ServerWritableStream<object, Message | Buffer>;

export class WorkloadApi implements AsyncDisposable {
  /** `unix:///...` */
  readonly endpoint: string;
  readonly path: string;
  readonly #calls = new Set<Call>();
  #answer: Answer;
  #server: Server | undefined;
  /** Calls that it has taken. */
  taken = 0;

  private constructor(path: string, answer: Answer) {
    this.path = path;
    this.endpoint = `unix://${path}`;
    this.#answer = answer;
  }

  /** @param path of the socket; not longer than 107 bytes */
  static async start(path: string, answer: Answer): Promise<WorkloadApi> {
    const api = new WorkloadApi(path, answer);
    await api.begin();
    return api;
  }

  /** Again after `stop()`. */
  async begin(): Promise<void> {
    const server = new Server();
    const { FetchX509SVID: fetch } = SERVICE;
    const serialize = (value: Message | Buffer): Buffer =>
      Buffer.isBuffer(value) ? value : fetch!.responseSerialize(value);
    server.addService(
      { FetchX509SVID: { ...fetch!, responseSerialize: serialize as (value: unknown) => Buffer } },
      { FetchX509SVID: (call: Call) => this.#take(call) },
    );
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${this.path}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
    this.#server = server;
  }

  /** To every open stream, and to each that is opened from now on. */
  say(answer: Answer): void {
    this.#answer = answer;
    for (const call of this.#calls) this.#reply(call);
  }

  /** To streams that are opened from now on. */
  sayLater(answer: Answer): void {
    this.#answer = answer;
  }

  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
  }

  #take(call: Call): void {
    this.taken += 1;
    const [header] = call.metadata.get("workload.spiffe.io");
    if (header !== "true") {
      call.emit("error", { code: status.INVALID_ARGUMENT, details: "security header missing from request" });
      return;
    }
    this.#calls.add(call);
    call.on("cancelled", () => this.#calls.delete(call));
    this.#reply(call);
  }

  #reply(call: Call): void {
    const answer = this.#answer;
    if (answer === "silence") return;
    if (answer === "end") {
      this.#calls.delete(call);
      call.end();
    } else if (Buffer.isBuffer(answer) || "svids" in answer) call.write(answer);
    else {
      this.#calls.delete(call);
      call.emit("error", answer);
    }
  }
}

/** PEM blocks to the concatenated DER that the API has. */
export function derOf(pem: string): Buffer {
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
  return Buffer.concat(blocks.map((block) => Buffer.from(block.replaceAll(/-----[^-]+-----/g, ""), "base64")));
}

/** @param chain leaf first */
export function svidOf(id: string, chain: readonly Made[], bundle: readonly Made[]): Svid {
  return {
    spiffe_id: id,
    x509_svid: derOf(chain.map(({ certPem }) => certPem).join("")),
    x509_svid_key: derOf(chain[0]!.keyPem),
    bundle: derOf(bundle.map(({ certPem }) => certPem).join("")),
  };
}
