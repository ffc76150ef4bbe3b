/** Which versions of others' programs a run measured: without them a figure cannot be compared. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { find, type Tool } from "./tools.ts";

const FLAG: Partial<Readonly<Record<Tool, string>>> = { nginx: "-v", haproxy: "-v", wrk: "-v" };
const GHOSTUNNEL = join(import.meta.dirname, "../../ghostunnel/go.mod");

/** @param output what a program says of its version; names and paths that hold digits may stand before it */
export function versionIn(output: string): string {
  return /(?:^|[\s/v])(\d+\.\d+[\w.+~-]*)/m.exec(output)?.[1] ?? "unknown";
}

function versionOf(tool: Tool, path: string): string {
  // Built from a module of ours, it knows no version of its own.
  if (tool === "ghostunnel") return /ghostunnel v([\w.-]+)/.exec(readFileSync(GHOSTUNNEL, "utf8"))?.[1] ?? "unknown";
  const { stdout, stderr } = spawnSync(path, [FLAG[tool] ?? "--version"], { encoding: "utf8", timeout: 10_000 });
  return versionIn(`${stdout}\n${stderr}`);
}

/** @returns of those that are installed */
export function versionsOf(tools: readonly Tool[]): Readonly<Partial<Record<Tool, string>>> {
  return Object.fromEntries(
    tools.flatMap((tool) => {
      const path = find(tool);
      return path === undefined ? [] : [[tool, versionOf(tool, path)]];
    }),
  );
}
