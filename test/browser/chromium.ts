/**
 * Debian's chromium, headless, spoken to over the two pipes of `--remote-debugging-pipe`: the Chrome DevTools Protocol as JSON,
 * each message ended by a NUL. It ends by itself when the pipes do.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const ANSWER_MS = 30_000;
const END_MS = 5_000;
const FLAGS = [
  "--headless=new",
  "--remote-debugging-pipe",
  // A container's root has no user namespaces; every page here is our own.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--no-proxy-server",
  "--hide-scrollbars",
];

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

type Waiting = PromiseWithResolvers<unknown>;
export type OnEvent = (method: string, params: unknown) => void;

export class Chromium implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #profile = temporaryDirectory();
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, OnEvent>();
  readonly #exited: Promise<unknown>;
  #lastId = 0;
  #unread = "";

  constructor() {
    this.#child = spawn("chromium", [...FLAGS, `--user-data-dir=${this.#profile.path}`], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      env: { ...process.env, HOME: this.#profile.path },
    });
    this.#exited = once(this.#child, "exit").then(() => {
      for (const { reject } of this.#waiting.values()) reject(new Error("chromium has ended"));
    });
    const output = this.#child.stdio[4] as Readable;
    output.setEncoding("utf8").on("data", (text: string) => this.#read(text));
  }

  /** @param onEvent what this tab tells by itself */
  async open(onEvent: OnEvent): Promise<Tab> {
    const { targetId } = await this.send<{ targetId: string }>("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send<{ sessionId: string }>("Target.attachToTarget", { targetId, flatten: true });
    this.#listeners.set(sessionId, onEvent);
    return {
      send: (method, params) => this.send(method, params, sessionId),
      close: async () => {
        this.#listeners.delete(sessionId);
        await this.send("Target.closeTarget", { targetId });
      },
    };
  }

  async send<Result>(method: string, params: object = {}, sessionId?: string): Promise<Result> {
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    const late = setTimeout(() => answer.reject(new Error(`chromium did not answer ${method}`)), ANSWER_MS);
    const input = this.#child.stdio[3] as Writable;
    input.write(`${JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) })}\0`);
    try {
      return (await answer.promise) as Result;
    } finally {
      clearTimeout(late);
      this.#waiting.delete(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.send("Browser.close").catch(() => {});
    const late = setTimeout(() => this.#child.kill("SIGKILL"), END_MS);
    await this.#exited;
    clearTimeout(late);
    this.#profile[Symbol.dispose]();
  }

  #read(text: string): void {
    const messages = (this.#unread + text).split("\0");
    this.#unread = messages.pop() ?? "";
    for (const message of messages) this.#take(JSON.parse(message) as Message);
  }

  #take({ id, sessionId, method, params, result, error }: Message): void {
    if (id === undefined) {
      if (sessionId !== undefined && method !== undefined) this.#listeners.get(sessionId)?.(method, params);
    } else if (error === undefined) this.#waiting.get(id)?.resolve(result);
    else this.#waiting.get(id)?.reject(new Error(error.message));
  }
}

export interface Tab {
  send<Result>(method: string, params?: object): Promise<Result>;
  close(): Promise<void>;
}
