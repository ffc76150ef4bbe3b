/** The HTTP/1.1 client before an application of bare TCP, which says exactly the bytes that a test wants. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { DEFAULT_LIMITS, type Limits } from "../../../../src/config/config.ts";
import { Http1Upstream } from "../../../../src/proxy/http/upstream/http1-upstream.ts";
import type {
  RequestBodyStream,
  ResponseControl,
  ResponseHandler,
  Upstream,
} from "../../../../src/proxy/http/upstream/upstream.ts";

/** An application by hand: its sockets, and what each was sent. */
export class BareApplication implements AsyncDisposable {
  readonly #server: Server;
  readonly sockets: Socket[] = [];
  /** Connections that are open. */
  open = 0;
  mostOpen = 0;
  /** Called with each connection. */
  onSocket: (socket: Socket, index: number) => void = () => undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.open += 1;
      this.mostOpen = Math.max(this.mostOpen, this.open);
      socket.on("error", () => undefined);
      socket.once("close", () => (this.open -= 1));
      this.onSocket(socket, this.sockets.push(socket) - 1);
    });
  }

  static async start(): Promise<BareApplication> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const application = new BareApplication(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return application;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  upstream(limits: Partial<Limits> = {}): Http1Upstream {
    return new Http1Upstream({ host: "127.0.0.1", port: this.port }, { ...DEFAULT_LIMITS, ...limits });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** Answers every request head (no bodies) with these bytes. */
export function answering(bytes: string | (() => string)): (socket: Socket) => void {
  return (socket) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        text = text.slice(end + 4);
        socket.write(typeof bytes === "string" ? bytes : bytes(), "latin1");
      }
    });
  };
}

/** What one exchange was told. */
export class Told implements ResponseHandler {
  control: ResponseControl | undefined;
  readonly interim: number[] = [];
  status: number | undefined;
  lines: readonly string[] = [];
  readonly chunks: Buffer[] = [];
  trailers: readonly string[] = [];
  error: NodeJS.ErrnoException | undefined;
  /** Called with each part of the body. */
  onData: (control: ResponseControl, chunk: Buffer) => void = () => undefined;
  /** When the response is over, well or not. */
  readonly over: Promise<this>;
  /** When the final head is here. */
  readonly begun: Promise<this>;
  #over!: (told: this) => void;
  #begun!: (told: this) => void;
  ends = 0;

  constructor() {
    this.over = new Promise((resolve) => (this.#over = resolve));
    this.begun = new Promise((resolve) => (this.#begun = resolve));
  }

  get body(): string {
    return Buffer.concat(this.chunks).toString("latin1");
  }

  get code(): string | undefined {
    return this.error?.code;
  }

  onRequestStart(control: ResponseControl): void {
    this.control = control;
  }

  onResponseStart(control: ResponseControl, status: number): void {
    if (status < 200) {
      this.interim.push(status);
      return;
    }
    this.status = status;
    this.lines = control.rawHeaders;
    this.#begun(this);
  }

  onResponseData(control: ResponseControl, chunk: Buffer): void {
    this.chunks.push(chunk);
    this.onData(control, chunk);
  }

  onResponseEnd(_control: ResponseControl, trailers: readonly string[]): void {
    this.trailers = trailers;
    this.#end();
  }

  onSwitch(): void {
    throw new Error("no upgrade was asked for");
  }

  onResponseError(_control: ResponseControl | undefined, error: Error): void {
    this.error = error;
    this.#end();
  }

  #end(): void {
    this.ends += 1;
    this.#over(this);
  }
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly lines?: string[];
  readonly body?: RequestBodyStream;
}

/** Sends one request, and gives what came of it as it comes. */
export function dispatch(upstream: Upstream, { method = "GET", path = "/", lines = [], body }: Ask = {}): Told {
  const told = new Told();
  const release = upstream.dispatch({ method, path, lines: ["host", "a", ...lines], body }, told);
  void told.over.then(release);
  return told;
}

/** Sends one request and waits for its end. */
export function ask(upstream: Upstream, request: Ask = {}): Promise<Told> {
  return dispatch(upstream, request).over;
}

/** Everything that a socket is sent, until it matches. */
export async function receive(socket: Socket, pattern: RegExp): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString("latin1");
    if (pattern.test(text)) return text;
  }
  throw new Error(`the connection ended before ${String(pattern)} came: ${text}`);
}
