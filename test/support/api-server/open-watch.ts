/** One watch that a client has open at the stand-in. */
import type { Clock } from "../../../src/api-server/clock.ts";
import { groupVersion, type ResourceType } from "./resource-types.ts";
import type { Selection } from "./selection.ts";
import { statusBody, type Refusal } from "./status-answers.ts";
import type { Change, StoredObject } from "./store.ts";

/** What answers of HTTP/1.1 and HTTP/2 have in common. */
export interface Answer {
  once(event: "close", listener: () => void): unknown;
  setHeader(name: string, value: string): unknown;
  writeHead(status: number, headers: Record<string, string>): unknown;
  /** Missing in the types of HTTP/2 only. */
  flushHeaders?(): void;
  write(text: string): unknown;
  end(): unknown;
  end(text: string): unknown;
}

export interface WatchRequest {
  readonly resource: ResourceType;
  readonly namespace: string | undefined;
  readonly selection: Selection;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

export class OpenWatch {
  readonly request: WatchRequest;
  readonly #answer: Answer;
  readonly #over: () => void;
  /** Set: changes are kept back, as by a server whose watch cache hangs. */
  stalled = false;

  constructor(request: WatchRequest, answer: Answer, clock: Clock, onClose: () => void) {
    this.request = request;
    this.#answer = answer;
    const cancel = clock.after(request.timeoutMs, () => this.end());
    this.#over = () => {
      cancel();
      onClose();
    };
    answer.once("close", this.#over);
    answer.writeHead(200, { "content-type": "application/json" });
    answer.flushHeaders?.();
  }

  /** Sends a change if it concerns the selected objects: one that stops matching is a deletion to this client. */
  change({ type, resource, object, previous }: Change): void {
    const { namespace, selection } = this.request;
    if (resource !== this.request.resource || this.stalled) return;
    if (namespace !== undefined && object.metadata.namespace !== namespace) return;
    const matched = previous !== undefined && selection(previous);
    const matches = type !== "DELETED" && selection(object);
    if (matches) this.event(matched ? "MODIFIED" : "ADDED", object);
    else if (matched) this.event("DELETED", object);
  }

  /** Objects that exist already, for a client that asks for a watch without a version. */
  initial(objects: readonly StoredObject[]): void {
    for (const object of objects) if (this.request.selection(object)) this.event("ADDED", object);
  }

  bookmark(version: number): void {
    if (!this.request.bookmarks || this.stalled) return;
    const { kind } = this.request.resource;
    this.event("BOOKMARK", {
      kind,
      apiVersion: groupVersion(this.request.resource),
      metadata: { resourceVersion: String(version), creationTimestamp: null },
    });
  }

  /** A failure inside the stream, as after a compaction; the stream ends with it. */
  fail(refusal: Refusal): void {
    this.event("ERROR", statusBody(refusal));
    this.end();
  }

  event(type: string, object: object): void {
    this.raw(`${JSON.stringify({ type, object })}\n`);
  }

  raw(text: string): void {
    this.#answer.write(text);
  }

  end(): void {
    // At once: nothing may be written behind the end.
    this.#over();
    this.#answer.end();
  }
}
