/** One attack row: bytes that are sent, what the caller gets for them, and what the application sees. */
import assert from "node:assert/strict";
import { call, connect } from "./caller.ts";
import { backend, policy, range } from "../mesh/objects.ts";
import { Recorder, type RecordedRequest } from "../application/recorder.ts";
import { startSidecar, type TestSidecar } from "../process/sidecar.ts";

export interface AttackRow {
  readonly name: string;
  readonly bytes: string;
  /** The status of the first answer, or those that it may have. */
  readonly expect: number | readonly number[];
  /** What the application may see: request line and body, in order; nothing unless told. */
  readonly seen?: readonly (readonly [line: string, body: string])[];
}

/** How long nothing must come after an answer for it to be taken as all. */
const QUIET_MS = 150;
/** How long the first byte, or what else is waited for, may take on a busy machine. */
const PATIENCE_MS = 10_000;

export class Target implements AsyncDisposable {
  readonly recorder: Recorder;
  readonly sidecar: TestSidecar;

  private constructor(recorder: Recorder, sidecar: TestSidecar) {
    this.recorder = recorder;
    this.sidecar = sidecar;
  }

  /** Two connections to the application at most, so that one whose framing an attack broke is soon used again. */
  static async start(flags: readonly string[] = []): Promise<Target> {
    const recorder = await Recorder.start();
    const sidecar = await startSidecar({
      manifests: [policy([backend("foo", 80, "http")], [range("127.0.0.0/8")])],
      backends: [{ app: recorder.port }],
      flags: ["--max-upstream-connections=2", ...flags],
    });
    return new Target(recorder, sidecar);
  }

  get port(): number {
    return this.sidecar.port();
  }

  /** What comes back until the connection ends, or stays quiet once `isEnough`. */
  async send(bytes: string, isEnough = (): boolean => true): Promise<string> {
    const socket = await connect({ port: this.port });
    let text = "";
    return new Promise((resolve) => {
      const finish = (): void => {
        socket.destroy();
        resolve(text);
      };
      const deadline = performance.now() + PATIENCE_MS;
      const afterQuiet = (): void => {
        if (isEnough() || performance.now() > deadline) finish();
        else quiet = setTimeout(afterQuiet, QUIET_MS);
      };
      let quiet = setTimeout(finish, PATIENCE_MS);
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        clearTimeout(quiet);
        quiet = setTimeout(afterQuiet, QUIET_MS);
      });
      socket.on("error", () => undefined);
      socket.on("end", () => socket.end());
      socket.once("close", () => {
        clearTimeout(quiet);
        resolve(text);
      });
      socket.write(bytes, "latin1");
    });
  }

  /** The application saw neither an extra nor an altered message, and clean requests work afterwards. */
  async prove({ bytes, expect, seen = [] }: AttackRow): Promise<void> {
    const before = this.recorder.requests.length;
    const text = await this.send(bytes, () => this.recorder.requests.length - before >= seen.length);
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1];
    assert.ok(status !== undefined, `no answer: '${text}'`);
    assert.ok([expect].flat().includes(Number(status)), text);
    const came = this.recorder.requests.slice(before);
    assert.deepEqual(came.map(summary), seen);
    assert.deepEqual(this.recorder.rubbish, []);
    await this.provesAlive();
  }

  /** More requests than there are connections to the application: each gets the answer to itself. */
  async provesAlive(): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      const path = `/clean-${turn}`;
      const before = this.recorder.requests.length;
      const { status, body } = await call({ port: this.port, path });
      assert.deepEqual([status, body], [200, "ok"]);
      // Requests of callers that have ended their side may still be served beside it.
      const came = this.recorder.requests.slice(before).map(({ line }) => line);
      assert.ok(came.includes(`GET ${path} HTTP/1.1`), path);
    }
    assert.deepEqual(this.recorder.rubbish, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sidecar[Symbol.asyncDispose]();
    await this.recorder[Symbol.asyncDispose]();
  }
}

function summary({ line, body }: RecordedRequest): readonly [string, string] {
  return [line, body];
}
