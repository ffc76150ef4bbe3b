#!/usr/bin/env node
/**
 * What npm links as `postern`: the sources in a checkout, the bundled command in the package, where Node refuses to strip
 * types. A checkout keeps to its sources though it may have a dist/ of an earlier `npm pack`.
 */
import { existsSync } from "node:fs";

const sources = new URL("../src/main.ts", import.meta.url);
const inCheckout = existsSync(sources);
if (inCheckout && !process.features.typescript) {
  // Such a Node cannot read the line in src/main.ts that says this.
  process.stderr.write(
    `postern needs Node 24.21 or newer, this is ${process.versions.node}: install it, or, in a checkout, start with npm or npx, which use the pinned one\n`,
  );
  process.exit(2);
}
await import(inCheckout ? sources.href : new URL("../dist/command/postern.mjs", import.meta.url).href);
