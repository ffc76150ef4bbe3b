/** A contender that answers wrongly fast is not measured. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { connect, type ConnectionOptions } from "node:tls";
import { SERVER_NAME, type Certificates } from "../certificates.ts";
import { BODY } from "../application/application.ts";
import type { Child } from "../processes/pinned-process.ts";

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

interface Ask {
  readonly path: string;
  readonly method?: string;
  readonly body?: Buffer;
  /** Without it the length is not told beforehand. */
  readonly sized?: boolean;
}

export class Client implements Disposable {
  readonly #agent: Agent;
  readonly #port: number;

  constructor(port: number, certificates: Certificates, mutual: boolean, maxSockets = 8) {
    this.#port = port;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets,
      maxCachedSessions: 0,
      ca: readFileSync(certificates.ca),
      servername: SERVER_NAME,
      ...(mutual && { cert: readFileSync(certificates.clientCert), key: readFileSync(certificates.clientKey) }),
    });
  }

  ask({ path, method = "GET", body, sized = true }: Ask): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const headers = body === undefined || !sized ? {} : { "content-length": body.length };
    const options = { agent: this.#agent, host: "127.0.0.1", port: this.#port, path, method, headers, timeout: 10_000 };
    const outgoing = request(options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts) }));
      response.on("error", reject);
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer to ${method} ${path} within 10 s`)));
    outgoing.on("error", reject);
    outgoing.end(body);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** Waits until the contender answers on each port. @throws when it ends before, or not within 60 s */
export async function whenReady(
  children: readonly Child[],
  ports: readonly number[],
  certificates: Certificates,
  log: () => string,
): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (const port of ports) {
    for (;;) {
      using client = new Client(port, certificates, true, 1);
      const answer = await client.ask({ path: "/" }).catch((error: unknown) => error as Error);
      if (!(answer instanceof Error) && answer.status === 200) break;
      const state = answer instanceof Error ? answer.message : `status ${answer.status}`;
      if (children.some((child) => child.exited()) || Date.now() > deadline)
        throw new Error(`it does not answer (${state}): ${children.map((child) => child.output()).join("\n")}${log()}`);
      await wait(50);
    }
  }
}

/** Statuses, bodies of many sizes, told and untold lengths, many at once over few connections. */
export async function checkAnswers(port: number, certificates: Certificates, mutual: boolean): Promise<void> {
  using client = new Client(port, certificates, mutual);
  const plain = await client.ask({ path: "/" });
  assert.deepEqual([plain.status, plain.body.toString()], [200, BODY]);
  const missing = await client.ask({ path: "/status/404" });
  assert.deepEqual([missing.status, missing.body.toString()], [404, BODY]);
  const head = await client.ask({ path: "/", method: "HEAD" });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
  const sizes = [0, 1, 28, 1_000, 16_384, 70_000, 300_000];
  const asked = Array.from({ length: 60 }, async (_, index) => {
    if (index % 3 === 0) {
      const answer = await client.ask({ path: "/" });
      assert.equal(answer.body.toString(), BODY);
      return;
    }
    const body = randomBytes(sizes[index % sizes.length] ?? 0);
    const answer = await client.ask({ path: "/echo", method: "POST", body, sized: index % 2 === 0 });
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(body), `an echoed body of ${body.length} bytes came back changed`);
  });
  await Promise.all(asked);
}

/** Nobody from an address that is not listed, nor without a certificate where one is demanded, gets an application byte. */
export async function checkRefusal(port: number, certificates: Certificates, localAddress: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const ca = readFileSync(certificates.ca);
  const options = { host: "127.0.0.1", port, localAddress, servername: SERVER_NAME, ca };
  const socket = connect(options as ConnectionOptions);
  let received = "";
  socket.setTimeout(5_000, () => resolve("the connection stayed open"));
  socket.on("secureConnect", () => socket.write("GET / HTTP/1.1\r\nHost: cart\r\n\r\n"));
  socket.on("data", (data) => {
    received += data.toString("latin1");
    // Whoever answers a refusal may keep the connection.
    if (received.includes("\r\n")) resolve(received);
  });
  socket.on("error", () => resolve(received));
  socket.on("close", () => resolve(received));
  const outcome = await promise;
  socket.destroy();
  // nginx says 400 to who shows no certificate.
  assert.match(outcome, /^$|^HTTP\/1\.1 40[03]/, `a caller without a right got: ${outcome.slice(0, 80)}`);
}
