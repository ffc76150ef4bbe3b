/** Which Nodes and which checkouts of Postern are measured. */
import { execFileSync } from "node:child_process";
import { basename, join, resolve } from "node:path";
import type { PosternBuild } from "./contenders/postern.ts";
import type { LoadOptions } from "./options.ts";

const ROOT = join(import.meta.dirname, "../..");

function versionOf(node: string): string {
  return execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
}

/** @throws when a binary cannot be run */
export function buildsOf({ nodes, checkouts }: Pick<LoadOptions, "nodes" | "checkouts">): readonly PosternBuild[] {
  const allNodes = nodes.length === 0 ? [process.execPath] : nodes.map((node) => resolve(node));
  const allCheckouts = checkouts.length === 0 ? [ROOT] : checkouts.map((checkout) => resolve(checkout));
  return allNodes.flatMap((node) =>
    allCheckouts.map((checkout) => ({
      node,
      checkout,
      suffix:
        (allNodes.length > 1 ? `@${versionOf(node)}` : "") + (allCheckouts.length > 1 ? `@${basename(checkout)}` : ""),
    })),
  );
}
