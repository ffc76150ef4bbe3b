/** Where the programs of others are: on the path, or in a cache folder that `install.ts` fills. */
import { accessSync, constants, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

export const CACHE: string = process.env["BENCH_CACHE"] ?? join(homedir(), ".cache/postern-test");

export const TOOLS = ["nginx", "haproxy", "envoy", "ghostunnel", "wrk", "oha", "h2load", "curl"] as const;
export type Tool = (typeof TOOLS)[number];

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The Python package has its program beside its modules, below a folder named after the interpreter. */
function envoyFolders(): readonly string[] {
  try {
    const lib = join(CACHE, "envoy/lib");
    return readdirSync(lib).map((python) => join(lib, python, "site-packages/envoy/_bin"));
  } catch {
    return [];
  }
}

/** @returns the program's path; `undefined` when it is not installed */
export function find(tool: Tool): string | undefined {
  // Debian has its servers where a user's path may not lead.
  const path = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
  const folders = [join(CACHE, "bin"), ...(tool === "envoy" ? envoyFolders() : []), ...path];
  return folders.map((folder) => join(folder, tool)).find(executable);
}

/** @throws when it is not installed */
export function locate(tool: Tool): string {
  const path = find(tool);
  if (path === undefined) throw new Error(`${tool} is not installed`);
  return path;
}

/** Why a contender that needs the tool cannot run here. */
export function missing(tool: Tool): string | undefined {
  return find(tool) === undefined ? `${tool} is not installed (npm run bench -- install)` : undefined;
}
