/**
 * Bundles the command for the image: `node scripts/bundle.ts OUT_DIR` writes OUT_DIR/postern.mjs, the chunks that it loads
 * on demand, and the data-plane thread beside it, since a worker needs a file of its own to start from.
 */
import { build } from "esbuild";

const outDir = process.argv[2];
if (outDir === undefined) {
  console.error("usage: node scripts/bundle.ts OUT_DIR");
  process.exit(2);
}

await build({
  entryPoints: { postern: "src/main.ts", thread: "src/proxy/thread/thread.ts" },
  outdir: outDir,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node24",
  format: "esm",
  minify: false,
  sourcemap: "linked",
  // CommonJS dependencies call require() for Node's own modules; an ES module has none unless it makes one.
  banner: {
    js: 'import { createRequire as postern$createRequire } from "node:module"; const require = postern$createRequire(import.meta.url);',
  },
  logLevel: "warning",
});
