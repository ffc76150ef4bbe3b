/** Reflectors by key, started and stopped as what they serve comes and goes. */
import type { WatchHealth } from "./watch-health.ts";
import type { Reflector } from "./reflector.ts";

export class ReflectorSet<T> {
  readonly #create: (key: string) => Reflector<T>;
  readonly #reflectors = new Map<string, Reflector<T>>();
  readonly #stopping = new Set<Promise<void>>();

  constructor(create: (key: string) => Reflector<T>) {
    this.#create = create;
  }

  /** Follows exactly these keys from now on; what is followed already is left alone. */
  follow(keys: ReadonlySet<string>): void {
    for (const [key, reflector] of this.#reflectors) if (!keys.has(key)) this.#end(key, reflector);
    for (const key of keys) {
      if (this.#reflectors.has(key)) continue;
      const reflector = this.#create(key);
      this.#reflectors.set(key, reflector);
      reflector.start();
    }
  }

  /** Every one has had its first answer, good or bad. */
  get settled(): boolean {
    return [...this.#reflectors.values()].every((reflector) => reflector.settled);
  }

  entries(): IterableIterator<[string, Reflector<T>]> {
    return this.#reflectors.entries();
  }

  health(): readonly WatchHealth[] {
    return [...this.#reflectors.values()].map((reflector) => reflector.health());
  }

  async stop(): Promise<void> {
    for (const [key, reflector] of this.#reflectors) this.#end(key, reflector);
    await Promise.all(this.#stopping);
  }

  #end(key: string, reflector: Reflector<T>): void {
    this.#reflectors.delete(key);
    const stopped = reflector.stop().finally(() => this.#stopping.delete(stopped));
    this.#stopping.add(stopped);
  }
}
