/** Bundles the command for the image: `node scripts/bundle.ts OUT_DIR`. */
import { buildCommand } from "./build.ts";

const outDir = process.argv[2];
if (outDir === undefined) {
  console.error("usage: node scripts/bundle.ts OUT_DIR");
  process.exit(2);
}

await buildCommand({ outDir, sourcemap: true });
