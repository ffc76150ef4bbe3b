/** `postern explain --replay`: the callers that a sidecar remembers, judged by other policies. */
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { readTextFile } from "../files/read-text.ts";
import { readPeersText } from "../policy/peers-document.ts";
import { refusesEverybody } from "../policy/refuses-everybody.ts";
import { replay, type Effect, type Replayed, type SeenPeer } from "../policy/replay.ts";
import type { Question } from "./explain-question.ts";
import { loadStateOfKnown, NothingToJudgeBy } from "./explain-world.ts";
import { askAdmin } from "./ask-admin.ts";
import { EXIT, type CliIo } from "./io.ts";
import { quoted } from "../migrate/quoted.ts";

const WORDS: Readonly<Record<Exclude<Effect, "unknown">, string>> = {
  loses: "is served now and would be refused",
  gains: "is refused now and would be served",
  audit: "would be served by an audit alone, and refused at its end",
  "refused-otherwise": "would be refused for another reason",
  same: "nothing changes",
};

/**
 * @returns 1 when somebody who is served now would be refused
 * @throws NothingToJudgeBy when the peers or the policies cannot be read
 */
export async function runReplay(
  { world, peers }: Extract<Question, { readonly kind: "replay" }>,
  json: boolean,
  io: CliIo,
): Promise<number> {
  const seen = await readPeers(peers);
  const results = replay(await loadStateOfKnown(world, io), seen);
  const changed = results.filter(({ effect }) => effect !== "same");
  const counts = countsOf(results);
  io.stdout(json ? `${JSON.stringify({ counts, changes: changed })}\n` : describe(changed, counts));
  return counts.loses === 0 ? EXIT.ok : EXIT.failed;
}

async function readPeers(from: string): Promise<readonly SeenPeer[]> {
  try {
    const read = readPeersText(await textOf(from));
    if (typeof read === "string") throw new Error(read);
    return read;
  } catch (error) {
    throw new NothingToJudgeBy(`--replay ${quoted(from)}: ${wordsOfFailure(error)}`, { cause: error });
  }
}

async function textOf(from: string): Promise<string> {
  if (!/^https?:\/\//.test(from)) return readTextFile(from);
  const url = new URL(from);
  return askAdmin(url.pathname === "/" ? new URL("/peers", url) : url);
}

function countsOf(results: readonly Replayed[]): Readonly<Record<Effect, number>> {
  const counts = { loses: 0, gains: 0, audit: 0, "refused-otherwise": 0, unknown: 0, same: 0 };
  for (const { effect } of results) counts[effect] += 1;
  return counts;
}

function describe(changed: readonly Replayed[], counts: Readonly<Record<Effect, number>>): string {
  const order: readonly Effect[] = ["loses", "gains", "audit", "refused-otherwise", "unknown"];
  const lines = order.flatMap((effect) =>
    changed.filter((result) => result.effect === effect).map((result) => `${nameOf(result.peer)}: ${wordsOf(result)}`),
  );
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const summary = `${total} peers: ${counts.loses} would be refused that are served, ${counts.gains} served that are refused, ${counts.audit} served by an audit alone, ${counts["refused-otherwise"]} refused otherwise, ${counts.unknown} unknown, ${counts.same} the same`;
  return [...lines, summary, ""].join("\n");
}

function wordsOf({ effect, peer, reason, nearest }: Replayed): string {
  if (effect === "unknown")
    return refusesEverybody(peer.reason)
      ? `cannot be judged: it was seen only while everybody was refused (${peer.reason})`
      : "cannot be judged: of its TLS nothing was seen";
  const parts = [WORDS[effect], ...(effect === "gains" ? [] : [reason]), ...(nearest === undefined ? [] : [nearest])];
  return parts.join(": ");
}

function nameOf({ address, port, sni, sans, count }: SeenPeer): string {
  const names = [...sans.map(({ type, value }) => `${type}:${value}`), ...(sni === undefined ? [] : [`sni ${sni}`])];
  return `${address} to port ${port}${names.length === 0 ? "" : ` (${names.join(", ")})`}, seen ${count} times`;
}
