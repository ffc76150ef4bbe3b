/** Lists in pages: every page shows the state that the first one showed. */
import { randomUUID } from "node:crypto";
import type { StoredObject } from "./store.ts";

interface Rest {
  readonly objects: readonly StoredObject[];
  readonly version: number;
}

export interface ListPage extends Rest {
  readonly next: string;
}

export class Pages {
  readonly #rests = new Map<string, Rest>();

  first(objects: readonly StoredObject[], version: number, limit: number): ListPage {
    return this.#page({ objects, version }, limit);
  }

  /** `undefined` when the token is unknown or its state is forgotten. */
  following(token: string, limit: number): ListPage | undefined {
    const rest = this.#rests.get(token);
    this.#rests.delete(token);
    return rest === undefined ? undefined : this.#page(rest, limit);
  }

  forget(): void {
    this.#rests.clear();
  }

  #page({ objects, version }: Rest, limit: number): ListPage {
    if (limit <= 0 || objects.length <= limit) return { objects, version, next: "" };
    const next = randomUUID();
    this.#rests.set(next, { objects: objects.slice(limit), version });
    return { objects: objects.slice(0, limit), version, next };
  }
}
