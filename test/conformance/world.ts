/** A row's objects as the world of the product: by its own reading of objects, and as a directory of manifests. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCliIo, type CliIo } from "../../src/cli/io.ts";
import { listOf } from "../../src/discovery/manifests/kinds.ts";
import { buildWorld, type WorldObjects } from "../../src/discovery/world.ts";
import { compile } from "../../src/policy/compile/compile.ts";
import type { World } from "../../src/policy/model.ts";
import type { Snapshot } from "../../src/policy/snapshot.ts";
import { POD } from "../../conformance/cases.ts";
import type { Manifest } from "../support/mesh/objects.ts";

export function worldOf(objects: readonly Manifest[]): World {
  const of = (list: keyof WorldObjects): readonly unknown[] => objects.filter((object) => listOf(object) === list);
  return buildWorld({
    ingressBackends: of("ingressBackends"),
    services: of("services"),
    endpointSlices: of("endpointSlices"),
    endpoints: of("endpoints"),
    namespaces: of("namespaces"),
  });
}

export function compileObjects(objects: readonly Manifest[], meshName?: string): Snapshot {
  return compile(worldOf(objects), { ...POD, ...(meshName === undefined ? {} : { meshName }) }, 1);
}

/** A directory that holds the objects as one file, gone when the scope ends. */
export function manifestDirectory(objects: readonly Manifest[]): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "postern-conformance-"));
  // JSON is YAML; a file that is written at once is never read half.
  writeFileSync(join(path, "objects.yaml"), objects.map((object) => JSON.stringify(object)).join("\n---\n"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the product inside this process: what the command line runs, without the price of a process. */
export async function inProcess(
  command: (argv: readonly string[], io: CliIo) => Promise<number>,
  argv: readonly string[],
): Promise<CommandResult> {
  let stdout = "";
  let stderr = "";
  const code = await command(
    argv,
    createCliIo({
      stdout: (text) => (stdout += text),
      stderr: (text) => (stderr += text),
      stdin: () => Promise.resolve(""),
      env: {},
      onTermination: () => {},
    }),
  );
  return { code, stdout, stderr };
}
