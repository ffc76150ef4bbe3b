/**
 * The data-plane thread as it is, in which a callback that a test names throws. Its modules are changed as they are loaded:
 * each boundary asks first whether it is its turn.
 */
import { registerHooks } from "node:module";
import { BroadcastChannel } from "node:worker_threads";
import { PLANTED_THROWS, type PlantedThrow } from "./planted-throws.ts";

const channel = new BroadcastChannel(PLANTED_THROWS);
const armed = new Map<string, { readonly fresh: boolean }>();
/** What each callback was called with so far: a sweep calls it for every connection, those of the neighbours too. */
const seen = new Map<string, WeakSet<object>>();

channel.addEventListener("message", (event) => {
  const message = (event as Event & { readonly data: PlantedThrow }).data;
  if (message.kind !== "arm") return;
  armed.set(message.callback, message);
  channel.postMessage({ kind: "armed", callback: message.callback } satisfies PlantedThrow);
});

function throwIfArmed(callback: string, about?: object): void {
  const known = seen.get(callback) ?? new WeakSet();
  seen.set(callback, known);
  const isFresh = about !== undefined && !known.has(about);
  if (about !== undefined) known.add(about);
  const arm = armed.get(callback);
  if (arm === undefined || (arm.fresh && !isFresh)) return;
  armed.delete(callback);
  channel.postMessage({ kind: "thrown", callback } satisfies PlantedThrow);
  throw new Error("thrown by the test");
}

Object.assign(globalThis, { throwIfArmed });

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (!url.includes("/src/proxy/") || loaded.source === undefined || loaded.source === null) return loaded;
    const source =
      typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
    return { ...loaded, source: plant(source) };
  },
});

function plant(source: string): string {
  return source
    .replace("callback(...args);", "throwIfArmed(name); callback(...args);")
    .replaceAll(/\btry \{(?=((?:(?!\btry \{)[^])*?)\bfaultIn\(\s*"([^"]+)")/g, (_all, body: string, name: string) => {
      const about = /\b(state|connection|relay|request)\b(?=\.enforceLimits|, admission)/.exec(body)?.[1];
      return `try { throwIfArmed(${JSON.stringify(name)}${about === undefined ? "" : `, ${about}`});`;
    });
}

await import("../../../src/proxy/thread/thread.ts");
