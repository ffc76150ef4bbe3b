/** Which Nodes and which checkouts of Postern are measured. */
import { execFileSync } from "node:child_process";
import { basename, join, resolve } from "node:path";
import type { PosternBuild } from "./contenders/postern.ts";
import type { LoadOptions } from "./options.ts";

const ROOT = join(import.meta.dirname, "../..");

function versionOf(node: string): string {
  return execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
}

/** @returns "" for the only one; else what tells them apart, with a number where the name does not */
export function suffixes(paths: readonly string[], nameOf: (path: string) => string): readonly string[] {
  if (paths.length < 2) return paths.map(() => "");
  const names = paths.map((path) => nameOf(path));
  const told = new Set(names).size === names.length;
  return names.map((name, index) => `@${name}${told ? "" : `-${index + 1}`}`);
}

/** @throws when a binary cannot be run */
export function buildsOf({ nodes, checkouts }: Pick<LoadOptions, "nodes" | "checkouts">): readonly PosternBuild[] {
  const allNodes = nodes.length === 0 ? [process.execPath] : nodes.map((node) => resolve(node));
  const allCheckouts = checkouts.length === 0 ? [ROOT] : checkouts.map((checkout) => resolve(checkout));
  const nodeSuffixes = suffixes(allNodes, versionOf);
  const checkoutSuffixes = suffixes(allCheckouts, basename);
  return allNodes.flatMap((node, outer) =>
    allCheckouts.map((checkout, inner) => ({
      node,
      checkout,
      suffix: `${nodeSuffixes[outer] ?? ""}${checkoutSuffixes[inner] ?? ""}`,
    })),
  );
}
