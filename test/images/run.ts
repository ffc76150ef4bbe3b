/**
 * `npm run test:images`: builds both images with buildah on bases of Debian's packages, and runs them in a network namespace.
 * As root it installs what it needs; where a part is missing, one line says so and nothing fails.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inNamespace } from "../cluster/namespace.ts";
import { noArguments, readArguments } from "../support/command-line.ts";
import { installed, installPackages, works } from "../support/debian-packages.ts";
import { endProcessAfter } from "../support/limits/end-process.ts";
import { limitFlags } from "../support/limits/flags.ts";
import { makeBaseImages, type BaseImages } from "./base-images.ts";
import { buildImages } from "./build.ts";
import { Buildah } from "./buildah.ts";

const LIMIT_MS = 30 * 60_000;
const TEST_LIMIT_MS = 240_000;

const HELP = `npm run test:images

Builds both images with buildah on bases of Debian's packages, and runs them in a network namespace. Takes no options.
`;

/** What is missing, or `undefined`. */
function missing(): string | undefined {
  if (process.getuid?.() !== 0) return "root is needed to unpack Debian's packages";
  for (const program of ["buildah", "mmdebstrap", "nft"]) if (!installed(program)) return `there is no ${program}`;
  const [command, args] = inNamespace("true");
  if (!works(command, ...args)) return "a network namespace cannot be made here (unshare and ip are needed)";
  if (process.env["npm_execpath"] === undefined) return "not started by npm, whose folder the build needs";
  return undefined;
}

async function main(): Promise<number> {
  installPackages((line) => console.log(line), { buildah: "buildah", mmdebstrap: "mmdebstrap", nft: "nftables" });
  const lacking = missing();
  if (lacking !== undefined) {
    console.log(`image suite skipped: ${lacking}`);
    return 0;
  }
  const directory = mkdtempSync(join(tmpdir(), "postern-images-"));
  try {
    const buildah = new Buildah(directory);
    let bases: BaseImages;
    try {
      console.log("unpacking Debian's packages for the bases (a minute or two)");
      bases = makeBaseImages(buildah, directory, dirname(dirname(process.env["npm_execpath"] ?? "")));
    } catch (error) {
      console.log(`image suite skipped: ${error instanceof Error ? error.message : String(error)}`);
      return 0;
    }
    console.log("building both images (a minute or two)");
    buildImages(buildah, bases);
    const [command, args] = inNamespace(
      process.execPath,
      ...limitFlags(TEST_LIMIT_MS),
      "--test",
      join(import.meta.dirname, "images.image.ts"),
    );
    const child = spawn(command, args, { stdio: "inherit", env: { ...process.env, IMAGES_DIRECTORY: directory } });
    const [code] = (await once(child, "exit")) as [number | null];
    return code ?? 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

readArguments(HELP, noArguments);
endProcessAfter(LIMIT_MS, "the image suite");
process.exitCode = await main();
