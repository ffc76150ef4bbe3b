/**
 * Server spans by OpenTelemetry, made of request records and sent over OTLP/HTTP. What the SDK reads from the environment
 * by itself (OTEL_EXPORTER_OTLP_HEADERS, _CERTIFICATE, _TIMEOUT, OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME) holds.
 * The packages are loaded here and only when spans are wanted.
 */
import type * as OpenTelemetry from "@opentelemetry/api";
import type { Attributes, Context, Tracer } from "@opentelemetry/api";
import type { Log } from "./log.ts";
import type { RequestRecord } from "./records.ts";

/** A receiver that does not answer must not hold up the end of the process. */
const CLOSE_MS = 2_000;
/** Least time between two warnings that spans cannot be delivered. */
const WARNING_INTERVAL_MS = 60_000;

export interface SpansOptions {
  /** Base URL of the receiver; `/v1/traces` is added (OpenTelemetry Protocol Exporter, endpoint URLs for OTLP/HTTP). */
  readonly endpoint: string;
  /** What this process is, by OpenTelemetry's names. */
  readonly resource: Readonly<Record<string, string>>;
  readonly log: Log;
}

export interface Spans {
  /** Sends a span for each request that has one. Bounded: beyond a queue the SDK drops and says so. */
  write(records: readonly RequestRecord[]): void;
  /** Sends what is waiting, for two seconds at most. */
  close(): Promise<void>;
}

/** The identifiers were given out by the data plane, which passed them on to the application. */
class GivenIds {
  #traceId = "";
  #spanId = "";

  next(traceId: string, spanId: string): void {
    this.#traceId = traceId;
    this.#spanId = spanId;
  }

  generateTraceId(): string {
    return this.#traceId;
  }

  generateSpanId(): string {
    return this.#spanId;
  }
}

export async function startSpans({ endpoint, resource, log }: SpansOptions): Promise<Spans> {
  const api = await import("@opentelemetry/api");
  const { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } = await import("@opentelemetry/sdk-trace");
  const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
  const { detectResources, envDetector, resourceFromAttributes } = await import("@opentelemetry/resources");
  warnThrough(api.diag, log, endpoint);
  const ids = new GivenIds();
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ "service.name": "postern", ...resource }).merge(
      detectResources({ detectors: [envDetector] }),
    ),
    idGenerator: ids,
    // Sampled or not was decided where the request began.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }) })],
  });
  const tracer = provider.getTracer("postern");
  return {
    write: (records) => {
      for (const record of records) {
        if (record.span === undefined) continue;
        ids.next(record.span.traceId, record.span.spanId);
        writeSpan(api, tracer, record, parentOf(api, record));
      }
    },
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${CLOSE_MS} ms`)), CLOSE_MS);
      });
      try {
        await Promise.race([provider.shutdown(), late]);
      } catch (error) {
        log.warn({ endpoint, error }, "the last spans could not be delivered");
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

type Api = typeof OpenTelemetry;

function parentOf({ ROOT_CONTEXT, trace, TraceFlags }: Api, { span }: RequestRecord): Context {
  if (span?.parentId === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: span.traceId,
    spanId: span.parentId,
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
}

function writeSpan({ SpanKind, SpanStatusCode }: Api, tracer: Tracer, record: RequestRecord, parent: Context): void {
  const { method, startedAt, durationMs, status, reason } = record;
  const span = tracer.startSpan(
    method,
    { kind: SpanKind.SERVER, startTime: startedAt, attributes: attributesOf(record) },
    parent,
  );
  // A refusal is the caller's fault, not the server's (semantic conventions for HTTP server spans).
  if (status >= 500 || (reason !== undefined && status < 400))
    span.setStatus({ code: SpanStatusCode.ERROR, ...(reason !== undefined && { message: reason }) });
  span.end(startedAt + durationMs);
}

/** By the semantic conventions for HTTP; what is Postern's own is under `postern.`. */
function attributesOf(record: RequestRecord): Attributes {
  const { reason, policy, source, principal, userAgent } = record;
  return {
    "http.request.method": record.method,
    "url.path": record.path,
    "http.response.status_code": record.status,
    "network.protocol.name": "http",
    "network.protocol.version": record.protocol.replace("HTTP/", ""),
    "client.address": record.address,
    "server.port": record.port,
    "http.request.body.size": record.bytesIn,
    "http.response.body.size": record.bytesOut,
    "postern.request_id": record.requestId,
    ...(userAgent !== undefined && { "user_agent.original": userAgent }),
    ...(reason !== undefined && { "error.type": reason }),
    ...(policy !== undefined && { "postern.policy": policy }),
    ...(source !== undefined && { "postern.source": source }),
    ...(principal !== undefined && { "postern.principal": principal }),
  };
}

function warnThrough(diag: Api["diag"], log: Log, endpoint: string): void {
  let quietUntil = 0;
  const warn = (problem: string): void => {
    const now = performance.now();
    if (now < quietUntil) return;
    quietUntil = now + WARNING_INTERVAL_MS;
    log.warn({ endpoint, problem }, "spans cannot be delivered; expected an OTLP/HTTP receiver, usually on port 4318");
  };
  const ignore = (): void => undefined;
  diag.setLogger({ error: warn, warn, info: ignore, debug: ignore, verbose: ignore });
}
