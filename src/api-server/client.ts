/** Requests to the API server: one answer at a time (`json`) or without end (`stream`). Every failure is an ApiFailure. */
import type { Dispatcher } from "undici";
import { orAborted } from "./abort.ts";
import { ApiConnections } from "./connections.ts";
import type { ConnectionTiming } from "./connections.ts";
import type { ApiCredentials } from "./credentials.ts";
import { ApiFailure, failureOfAnswer, failureOfError } from "./failure.ts";

export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path inside the API, e.g. `/apis/discovery.k8s.io/v1/namespaces/a/endpointslices`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Ends the request at once, wherever it stands: reading a token, dialling, waiting, or in the middle of its answer. */
  readonly signal: AbortSignal;
}

export interface ApiClientOptions {
  readonly credentials: ApiCredentials;
  readonly timing: ConnectionTiming & {
    /** Until the header of an answer; longer than the 60 s after which the API server itself gives up. */
    readonly answerTimeoutMs: number;
    /** Between two chunks of an answer that is not a watch. */
    readonly chunkTimeoutMs: number;
  };
}

/** Largest answer that is read as a whole: pages are bounded, so more than this is not a list of ours. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
const MAX_EXPLANATION_BYTES = 64 * 1024;

/** What the client did since it started. */
export interface ClientCounters {
  connections: number;
  requests: number;
  receivedBytes: number;
}

export class ApiClient {
  readonly counters: ClientCounters = { connections: 0, requests: 0, receivedBytes: 0 };
  readonly #credentials: ApiCredentials;
  readonly #timing: ApiClientOptions["timing"];
  readonly #connections: ApiConnections;
  /**
   * Those of requests with a body. One that is aborted over HTTP/2 may leave Node 24 writing empty DATA frames for its stream
   * without end (`SendPendingData`), while the thread hangs and its memory grows by 200 MB a second.
   */
  readonly #withBody: ApiConnections;
  readonly #prefix: string;

  constructor(options: ApiClientOptions) {
    this.#credentials = options.credentials;
    this.#timing = options.timing;
    this.#prefix = options.credentials.server.pathname.replace(/\/+$/, "");
    const shared = {
      credentials: options.credentials,
      timing: options.timing,
      onConnect: (): void => {
        this.counters.connections += 1;
      },
    };
    this.#connections = new ApiConnections(shared);
    this.#withBody = new ApiConnections({ ...shared, http1: true });
  }

  get openConnections(): number {
    return this.#connections.open + this.#withBody.open;
  }

  /** The parsed body of a successful answer. */
  async json(request: ApiRequest): Promise<unknown> {
    const response = await this.#send(request, this.#timing.chunkTimeoutMs);
    const text = await this.#text(response.body, MAX_ANSWER_BYTES);
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new ApiFailure("malformed", `the answer to ${request.path} is not JSON: ${text.slice(0, 100)}`, {
        cause: error,
      });
    }
  }

  /** The body of a successful answer as it arrives; ends only by the server, by an error or by the signal. */
  async stream(request: ApiRequest): Promise<AsyncIterable<Uint8Array>> {
    const response = await this.#send(request, 0);
    return this.#counted(response.body);
  }

  async close(): Promise<void> {
    await Promise.all([this.#connections.close(), this.#withBody.close()]);
  }

  async #send(request: ApiRequest, bodyTimeout: number): Promise<Dispatcher.ResponseData> {
    const { signal } = request;
    const headers = await orAborted(this.#headers(request), signal);
    const connections = request.body === undefined ? this.#connections : this.#withBody;
    const slot = await orAborted(connections.acquire(), signal, (late) => late.release());
    this.counters.requests += 1;
    let response: Dispatcher.ResponseData;
    try {
      const sent = slot.client.request({
        method: request.method ?? "GET",
        path: `${this.#prefix}${request.path}${queryString(request.query)}`,
        headers,
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal,
        headersTimeout: this.#timing.answerTimeoutMs,
        bodyTimeout,
      });
      response = await orAborted(sent, signal, (late) => late.body.on("error", () => {}).destroy());
    } catch (error) {
      slot.release();
      throw failureOfError(error);
    }
    response.body.once("close", () => slot.release());
    if (response.statusCode < 200 || response.statusCode > 299) throw await this.#refusal(response);
    return response;
  }

  async #headers(request: ApiRequest): Promise<Record<string, string>> {
    try {
      return {
        accept: "application/json",
        "user-agent": "postern",
        ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
        ...(await this.#credentials.headers()),
      };
    } catch (error) {
      throw new ApiFailure("credentials", `cannot read the token (${this.#credentials.origin}): ${String(error)}`, {
        cause: error,
      });
    }
  }

  async #refusal(response: Dispatcher.ResponseData): Promise<ApiFailure> {
    if (response.statusCode === 401) this.#credentials.refused();
    const retryAfter = response.headers["retry-after"];
    const body = await this.#text(response.body, MAX_EXPLANATION_BYTES).catch(() => "");
    return failureOfAnswer(response.statusCode, Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, body);
  }

  async #text(body: Dispatcher.ResponseData["body"], maxBytes: number): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#counted(body)) {
      size += chunk.length;
      if (size > maxBytes) throw new ApiFailure("malformed", `the answer is larger than ${String(maxBytes)} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  async *#counted(body: Dispatcher.ResponseData["body"]): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        this.counters.receivedBytes += chunk.length;
        yield chunk;
      }
    } catch (error) {
      throw failureOfError(error);
    }
  }
}

function queryString(query: Readonly<Record<string, string>> | undefined): string {
  if (query === undefined) return "";
  const text = new URLSearchParams(query).toString();
  return text === "" ? "" : `?${text}`;
}
