/** How a test tells a thread of a real sidecar to fail. */

/** The environment of a sidecar whose threads look for a file with `THREAD KIND`, where KIND is `throw` or `hang`. */
export const doom = (file: string): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=${new URL("./doomed-thread.ts", import.meta.url).href}`,
  DOOM_AT: file,
});
