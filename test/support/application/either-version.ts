/**
 * One application in both versions of HTTP that an application may speak, which answers with exactly what a test says, right
 * or wrong. Beside it on the same data-plane thread is a neighbour, whose one endless response shows whether the thread lives.
 */
import { test } from "node:test";
import { takeOverHttp1, takeOverHttp2, type Line, type TakenResponse } from "../caller/taken-response.ts";
import { FLAG, frame, FRAME, headerBlock } from "../caller/http2-frames.ts";
import { backend, policy, range } from "../mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../process/sidecar.ts";
import { startHttp2ByHand } from "./http2-by-hand.ts";
import { Neighbour, type NeighbourCall } from "./neighbour.ts";
import { Recorder } from "./recorder.ts";

export interface Head {
  /** Of any length: `0`, `99`, `999`. */
  readonly status: string;
  readonly lines?: readonly Line[];
}

export interface GivenResponse extends Head {
  /** Informational responses before it. */
  readonly before?: readonly Head[];
  /** Sent in any case; two letters unless told. */
  readonly body?: string;
  /** Framed by the lines themselves, or not at all. */
  readonly unframed?: boolean;
}

export const VERSIONS = ["HTTP/1.1", "HTTP/2"] as const;
export type Version = (typeof VERSIONS)[number];

/** Backend port of each. */
export const PORT: Readonly<Record<Version, number>> = { "HTTP/1.1": 80, "HTTP/2": 81 };
const NEIGHBOUR = 82;

export class EitherVersion implements AsyncDisposable {
  readonly sidecar: TestSidecar;
  readonly #owned: AsyncDisposableStack;
  readonly #given: { response: GivenResponse };
  readonly #neighbour: NeighbourCall;

  private constructor(
    sidecar: TestSidecar,
    owned: AsyncDisposableStack,
    given: { response: GivenResponse },
    neighbour: NeighbourCall,
  ) {
    this.sidecar = sidecar;
    this.#owned = owned;
    this.#given = given;
    this.#neighbour = neighbour;
  }

  static async start(flags: readonly string[] = []): Promise<EitherVersion> {
    const owned = new AsyncDisposableStack();
    const given: { response: GivenResponse } = { response: { status: "200" } };
    const http1 = owned.use(await Recorder.start());
    http1.answer = () => inHttp1(given.response);
    const http2 = owned.use(await startHttp2ByHand((stream, socket) => socket.write(inHttp2(given.response, stream))));
    const neighbour = owned.use(await Neighbour.start());
    const sidecar = owned.use(
      await startSidecar({
        manifests: [80, 81, 82].map((port) =>
          policy([backend("foo", port, "http")], [range("127.0.0.0/8")], `test/p${port}`),
        ),
        backends: [
          { app: http1.port },
          { port: 81, app: http2.port, forward: "h2c" },
          { port: NEIGHBOUR, app: neighbour.port },
        ],
        flags: ["--response-idle-timeout=60s", ...flags],
      }),
    );
    return new EitherVersion(sidecar, owned, given, owned.use(await neighbour.call(sidecar, NEIGHBOUR)));
  }

  /** What either application answers from here on. */
  respondWith(response: GivenResponse): void {
    this.#given.response = response;
  }

  /** What a caller makes of a response; afterwards the thread's neighbour must go on. */
  async carry(response: GivenResponse, application: Version, caller: Version, method = "GET"): Promise<TakenResponse> {
    this.respondWith(response);
    const port = this.sidecar.port(PORT[application]);
    const taken = caller === "HTTP/1.1" ? await takeOverHttp1(port, method) : await takeOverHttp2(port, method);
    await this.neighbourGoesOn();
    return taken;
  }

  neighbourGoesOn(): Promise<void> {
    return this.#neighbour.goesOn();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}

export interface Way {
  readonly application: Version;
  readonly caller: Version;
}

export const WAYS: readonly Way[] = VERSIONS.flatMap((application) =>
  VERSIONS.map((caller) => ({ application, caller })),
);

/** One test for each pair of a caller's and an application's version. */
export function everyWay(
  either: () => EitherVersion,
  name: string,
  response: GivenResponse,
  expected: (taken: TakenResponse, way: Way) => void,
): void {
  for (const way of WAYS) {
    test(`${name}: ${way.application} application, ${way.caller} caller`, async () => {
      expected(await either().carry(response, way.application, way.caller), way);
    });
  }
}

function inHttp1({ before = [], status, lines = [], body = "hi", unframed = false }: GivenResponse): string {
  const head = ({ status: code, lines: said = [] }: Head): string =>
    `HTTP/1.1 ${code} Said So\r\n${said.map(([name, value]) => `${name}: ${value}\r\n`).join("")}`;
  const framing = unframed ? "" : `content-length: ${body.length}\r\n`;
  return `${before.map((one) => `${head(one)}\r\n`).join("")}${head({ status, lines })}${framing}\r\n${body}`;
}

function inHttp2({ before = [], status, lines = [], body = "hi" }: GivenResponse, stream: number): Buffer {
  const head = ({ status: code, lines: said = [] }: Head): Buffer =>
    frame(
      FRAME.headers,
      FLAG.endHeaders,
      stream,
      headerBlock([[":status", code], ...said.map(([name, value]): Line => [name.toLowerCase(), value])]),
    );
  const data = frame(FRAME.data, FLAG.endStream, stream, Buffer.from(body, "latin1"));
  return Buffer.concat([...before.map(head), head({ status, lines }), data]);
}
