/** Puts a plan into force in the current network namespace, or takes it away. Needs CAP_NET_ADMIN. */
import { spawn } from "node:child_process";
import { iptablesDocument, iptablesRemoval, JUMP } from "./iptables.ts";
import { nftRemoval, nftRuleset } from "./nftables.ts";
import type { RedirectPlan } from "./plan.ts";

export type RedirectTool = "nft" | "iptables";

/** A rule program failed or is missing; the message carries its own words and what to do. */
export class RedirectError extends Error {
  override readonly name = "RedirectError";
}

interface CommandResult {
  readonly code: number;
  readonly stderr: string;
}

const FAMILIES = [
  { family: 4, check: "iptables", restore: "iptables-restore" },
  { family: 6, check: "ip6tables", restore: "ip6tables-restore" },
] as const;

/** Every tool that is installed, nft first. @throws RedirectError when there is none */
export async function findRedirectTools(): Promise<readonly [RedirectTool, ...RedirectTool[]]> {
  const nft = (await attempt("nft", ["--version"])) !== undefined;
  const iptables = (await attempt("iptables-restore", ["--version"])) !== undefined;
  if (nft) return iptables ? ["nft", "iptables"] : ["nft"];
  if (iptables) return ["iptables"];
  throw new RedirectError(
    "neither nft nor iptables-restore was found: install nftables or iptables in the image that applies the rules",
  );
}

/** nft takes both families in one transaction. @throws RedirectError when a program refuses: nothing has changed then */
export async function applyPlan(plan: RedirectPlan, tool: RedirectTool): Promise<void> {
  if (tool === "nft") return demand("nft", ["-f", "-"], nftRuleset(plan));
  const documents = await Promise.all(
    FAMILIES.map(async ({ family, check, restore }) => {
      const jumpExists = await succeeds(check, ["-w", "5", "-t", "nat", "-C", ...JUMP]);
      return { restore, document: iptablesDocument(plan, family, jumpExists) };
    }),
  );
  // A transaction holds one family, so both are tried before either is in force.
  for (const { restore, document } of documents) await demand(restore, ["-w", "5", "--noflush", "--test"], document);
  for (const { restore, document } of documents) await demand(restore, ["-w", "5", "--noflush"], document);
}

/** Removes what `applyPlan` made; does nothing where nothing is in force. @throws RedirectError when a program refuses */
export async function removePlan(tool: RedirectTool): Promise<void> {
  if (tool === "nft") return demand("nft", ["-f", "-"], nftRemoval());
  for (const { check, restore } of FAMILIES) {
    if (await succeeds(check, ["-w", "5", "-t", "nat", "-C", ...JUMP]))
      await demand(restore, ["-w", "5", "--noflush"], iptablesRemoval());
  }
}

async function demand(command: string, args: readonly string[], input: string): Promise<void> {
  const result = await attempt(command, args, input);
  if (result === undefined) throw new RedirectError(`Cannot run ${command}: it is not installed`);
  if (result.code !== 0)
    throw new RedirectError(
      `${command} refused the rules (exit ${result.code}): ${result.stderr.trim() || "no message"}. Applying needs CAP_NET_ADMIN in the pod's network namespace`,
    );
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return (await attempt(command, args))?.code === 0;
}

/** `undefined` when the program does not exist. */
function attempt(command: string, args: readonly string[], input = ""): Promise<CommandResult | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["pipe", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve(undefined);
      else reject(new RedirectError(`Cannot run ${command}: ${error.message}`, { cause: error }));
    });
    child.on("close", (code) => resolve({ code: code ?? 1, stderr }));
    // A program that refuses early closes its input; its exit code says that it failed.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
