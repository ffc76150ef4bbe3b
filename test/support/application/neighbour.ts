/** Another caller on the same data-plane thread: an endless response that stops when the thread is lost. */
import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { connect } from "../caller/caller.ts";
import type { TestSidecar } from "../process/sidecar.ts";
import { startApplication, type TestApplication } from "./application.ts";

/** An application that says "first", and more when it is told to. */
export class Neighbour implements AsyncDisposable {
  readonly #application: TestApplication;
  readonly #newest: () => ServerResponse;

  private constructor(application: TestApplication, newest: () => ServerResponse) {
    this.#application = application;
    this.#newest = newest;
  }

  static async start(): Promise<Neighbour> {
    let newest: ServerResponse | undefined;
    const application = await startApplication((_request, response) => {
      newest = response;
      response.write("first\n");
    });
    return new Neighbour(application, () => newest ?? assert.fail("the neighbour has no caller"));
  }

  get port(): number {
    return this.#application.port;
  }

  /** Calls it, and resolves in the midst of its response. */
  async call(sidecar: TestSidecar, backend: number): Promise<NeighbourCall> {
    const socket = await connect({ port: sidecar.port(backend) });
    socket.on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await arrives(socket, "first\n");
    return new NeighbourCall(sidecar, socket, this.#newest());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#application[Symbol.asyncDispose]();
  }
}

export class NeighbourCall implements Disposable {
  readonly #sidecar: TestSidecar;
  readonly #socket: Socket;
  readonly #response: ServerResponse;

  constructor(sidecar: TestSidecar, socket: Socket, response: ServerResponse) {
    this.#sidecar = sidecar;
    this.#socket = socket;
    this.#response = response;
  }

  /** Fails when its response does, or any thread was lost. */
  async goesOn(): Promise<void> {
    const arrived = arrives(this.#socket, "next\n");
    this.#response.write("next\n");
    await arrived;
    assert.deepEqual(this.#sidecar.threadsLost(), []);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

async function arrives(socket: Socket, line: string): Promise<void> {
  let text = "";
  while (!text.includes(line)) {
    const [chunk] = (await once(socket, "data", { signal: AbortSignal.timeout(30_000) })) as [Buffer];
    text += chunk.toString("latin1");
  }
}
