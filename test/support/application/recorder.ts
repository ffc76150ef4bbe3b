/**
 * An application that keeps every byte, and reads them as strictly as can be: what it makes of them is what was really
 * asked of it, and bytes that are no clean message stand out.
 */
import { startTcpApplication, type TestApplication } from "./application.ts";

export interface RecordedRequest {
  readonly line: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
  /** As they came, each line with its CRLF. */
  readonly trailers: string;
}

export class Recorder implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  /** Bytes that began no message by the letter of RFC 9112. */
  readonly rubbish: string[] = [];
  /** What is sent for a request, head and body; `undefined` for the usual answer. */
  answer: ((request: RecordedRequest) => string | undefined) | undefined;
  readonly #application: TestApplication;

  private constructor(application: TestApplication) {
    this.#application = application;
  }

  static async start(): Promise<Recorder> {
    let recorder: Recorder | undefined;
    const application = await startTcpApplication((socket) => {
      let pending = "";
      socket.on("error", () => undefined);
      socket.on("end", () => socket.end());
      socket.on("data", (chunk: Buffer) => {
        pending += chunk.toString("latin1");
        for (;;) {
          const read = readRequest(pending);
          if (read === "incomplete") return;
          if (read === "malformed") {
            recorder?.rubbish.push(pending);
            socket.destroy();
            return;
          }
          pending = pending.slice(read.length);
          recorder?.requests.push(read.request);
          socket.write(recorder?.answer?.(read.request) ?? "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", "latin1");
        }
      });
    });
    recorder = new Recorder(application);
    return recorder;
  }

  get port(): number {
    return this.#application.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#application[Symbol.asyncDispose]();
  }
}

function readRequest(
  text: string,
): { readonly request: RecordedRequest; readonly length: number } | "incomplete" | "malformed" {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return "incomplete";
  const [line = "", ...lines] = text.slice(0, end).split("\r\n");
  if (!/^(?:[A-Z-]+ \/[^\s#]*|OPTIONS \*) HTTP\/1\.1$/.test(line)) return "malformed";
  const headers = new Map<string, string[]>();
  for (const header of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([^\0\r\n]*)$/.exec(header) ?? [];
    if (name === undefined || value === undefined) return "malformed";
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  const lengths = headers.get("content-length") ?? [];
  const encodings = headers.get("transfer-encoding") ?? [];
  if (lengths.length + encodings.length > 1 || headers.get("host")?.length !== 1) return "malformed";
  const start = end + 4;
  if (encodings.length === 1) return readChunks(text, start, { line, headers });
  const length = Number(lengths[0] ?? 0);
  if (!Number.isInteger(length)) return "malformed";
  if (text.length < start + length) return "incomplete";
  return { request: { line, headers, body: text.slice(start, start + length), trailers: "" }, length: start + length };
}

function readChunks(text: string, start: number, head: Pick<RecordedRequest, "line" | "headers">) {
  let at = start;
  let body = "";
  for (;;) {
    const end = text.indexOf("\r\n", at);
    if (end === -1) return "incomplete" as const;
    const digits = text.slice(at, end);
    if (!/^[0-9a-fA-F]+$/.test(digits)) return "malformed" as const;
    const size = Number.parseInt(digits, 16);
    if (size === 0) return readTrailers(text, end + 2, { ...head, body });
    const next = end + 2 + size;
    if (text.length < next + 2) return "incomplete" as const;
    if (text.slice(next, next + 2) !== "\r\n") return "malformed" as const;
    body += text.slice(end + 2, next);
    at = next + 2;
  }
}

function readTrailers(text: string, start: number, request: Omit<RecordedRequest, "trailers">) {
  const end = text.indexOf("\r\n\r\n", start - 2);
  if (end === -1) return "incomplete" as const;
  const trailers = text.slice(start, end + 2);
  if (!/^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: ?[^\0\r\n]*\r\n)*$/.test(trailers)) return "malformed" as const;
  return { request: { ...request, trailers }, length: end + 4 };
}
