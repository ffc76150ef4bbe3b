/** Puts a plan into force in the current network namespace, or takes it away. Needs CAP_NET_ADMIN. */
import { spawn } from "node:child_process";
import { CHAIN, iptablesDocument, iptablesRemoval, iptablesUndo, JUMP, type IptablesState } from "./iptables.ts";
import { nftRemoval, nftRuleset } from "./nftables.ts";
import type { RedirectPlan } from "./plan.ts";

export type RedirectTool = "nft" | "iptables";

/** A rule program failed or is missing; the message carries its own words and what to do. */
export class RedirectError extends Error {
  override readonly name = "RedirectError";
}

interface CommandResult {
  readonly code: number;
  readonly stdout: string;
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

/**
 * nft takes both families in one transaction; of iptables each family is one, and IPv4 is taken back where IPv6 is refused.
 *
 * @throws RedirectError when a program refuses: nothing has changed then, or the message says what could not be taken back
 */
export async function applyPlan(plan: RedirectPlan, tool: RedirectTool): Promise<void> {
  if (tool === "nft") return demand("nft", ["-f", "-"], nftRuleset(plan));
  const documents = await Promise.all(
    FAMILIES.map(async ({ family, check, restore }) => {
      const before = await stateBefore(check);
      return { restore, before, document: iptablesDocument(plan, family, before.jumpExists) };
    }),
  );
  for (const { restore, document } of documents) await demand(restore, ["-w", "5", "--noflush", "--test"], document);
  // What passes the test can fail still: another program holds the lock, or the kernel lacks a module.
  const done: typeof documents = [];
  for (const each of documents) {
    try {
      await demand(each.restore, ["-w", "5", "--noflush"], each.document);
    } catch (error) {
      for (const { restore, before } of done) await takeBack(restore, before, error);
      throw error;
    }
    done.push(each);
  }
}

async function stateBefore(check: string): Promise<IptablesState> {
  const jumpExists = await succeeds(check, ["-w", "5", "-t", "nat", "-C", ...JUMP]);
  const listed = await attempt(check, ["-w", "5", "-t", "nat", "-S", CHAIN]);
  if (listed?.code !== 0) return { jumpExists };
  return { jumpExists, rules: listed.stdout.split("\n").filter((line) => line.startsWith("-A ")) };
}

/** @throws RedirectError when that fails too, with both reasons */
async function takeBack(restore: string, before: IptablesState, why: unknown): Promise<void> {
  try {
    await demand(restore, ["-w", "5", "--noflush"], iptablesUndo(before));
  } catch (error) {
    throw new RedirectError(
      `${wordsOf(why)}\nWhat ${restore} had applied before is in force and cannot be taken back: ${wordsOf(error)}`,
      { cause: error },
    );
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
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
    const child = spawn(command, args, { stdio: "pipe" });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve(undefined);
      else reject(new RedirectError(`Cannot run ${command}: ${error.message}`, { cause: error }));
    });
    child.on("close", (code) => resolve({ code: code ?? 1, stdout, stderr }));
    // A program that refuses early closes its input; its exit code says that it failed.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
