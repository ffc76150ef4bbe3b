/**
 * The data-plane thread as it is, in which a callback that a test names throws. Its modules are changed as they are loaded:
 * each boundary asks first whether it is its turn.
 */
import { registerHooks } from "node:module";
import { BroadcastChannel } from "node:worker_threads";
import { PLANTED_THROWS, type PlantedThrow } from "./planted-throws.ts";

const channel = new BroadcastChannel(PLANTED_THROWS);
const armed = new Map<string, number>();

channel.addEventListener("message", (event) => {
  const message = (event as Event & { readonly data: PlantedThrow }).data;
  if (message.kind !== "arm") return;
  armed.set(message.callback, message.skip);
  channel.postMessage({ kind: "armed", callback: message.callback } satisfies PlantedThrow);
});

function throwIfArmed(callback: string): void {
  const skip = armed.get(callback);
  if (skip === undefined) return;
  if (skip > 0) {
    armed.set(callback, skip - 1);
    return;
  }
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
    .replaceAll(
      /\btry \{(?=((?:(?!\btry \{)[^])*?)\bfaultIn\(\s*"([^"]+)")/g,
      (_all, _body, name: string) => `try { throwIfArmed(${JSON.stringify(name)});`,
    );
}

await import("../../../src/proxy/thread/thread.ts");
