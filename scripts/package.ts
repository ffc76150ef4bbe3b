/**
 * Makes what the npm package holds beside the files of the checkout, in dist/ or in the directory that is named:
 * `node scripts/package.ts [OUT_DIR]`. `npm pack` and `npm publish` run it first.
 *
 * The command stands two folders deep, as its sources do: the demo finds its manifests by that.
 */
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildCommand, buildPolicyLibrary } from "./build.ts";

const ROOT = join(import.meta.dirname, "..");
const out = resolve(process.argv[2] ?? join(ROOT, "dist"));

rmSync(out, { recursive: true, force: true });
await buildCommand({ outDir: join(out, "command"), sourcemap: false });
await buildPolicyLibrary(out);
const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
execFileSync(
  process.execPath,
  [compiler, "--project", join(ROOT, "scripts/package.tsconfig.json"), "--outDir", join(out, "types")],
  { stdio: "inherit" },
);
