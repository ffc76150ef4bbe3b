#!/usr/bin/env node
/**
 * What npm links as `postern`: the sources in a checkout, the bundled command in the package, where Node refuses to strip
 * types. A checkout keeps to its sources though it may have a dist/ of an earlier `npm pack`.
 */
import { existsSync } from "node:fs";

const sources = new URL("../src/main.ts", import.meta.url);
await import(existsSync(sources) ? sources.href : new URL("../dist/command/postern.mjs", import.meta.url).href);
