/** `postern explain --replay`: the callers that a sidecar remembers, judged by other policies. */
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { readTextFile } from "../files/read-text.ts";
import type { ObjectKey } from "../policy/model.ts";
import type { ServiceState } from "../policy/service-state.ts";
import { readPeersText, type PeersDocument } from "../policy/explain/peers-document.ts";
import { refusesEverybody } from "../policy/refuses-everybody.ts";
import { replay, type Effect, type Replayed, type SeenPeer } from "../policy/explain/replay.ts";
import { governing } from "./edited-policies.ts";
import type { Question, WorldQuestion } from "./explain-question.ts";
import { loadStateOfKnown, NothingToJudgeBy } from "./explain-world.ts";
import { askAdmin } from "./ask-admin.ts";
import { EXIT, type CliIo } from "./io.ts";
import { placeReplay } from "./replayed-pod.ts";
import { quoted } from "../migrate/quoted.ts";

const STDIN = "-";
/** Objects that are named in one line. */
const MOST_NAMED = 10;

const WORDS: Readonly<Record<Exclude<Effect, "unknown">, string>> = {
  loses: "is served now and would be refused",
  gains: "is refused now and would be served",
  audit: "would be served by an audit alone, and refused at its end",
  "refused-otherwise": "would be refused for another reason",
  same: "nothing changes",
};

/**
 * @returns 1 when somebody who is served now would be refused
 * @throws NothingToJudgeBy when the peers or the policies cannot be read, or what was edited would not be judged
 */
export async function runReplay(
  { world: given, peers }: Extract<Question, { readonly kind: "replay" }>,
  json: boolean,
  io: CliIo,
): Promise<number> {
  const { pod, peers: seen } = await readPeers(peers, io);
  if (seen.length === 0)
    throw new NothingToJudgeBy(
      `--replay ${quoted(peers)}: it remembers no caller: wait until the sidecar has seen those that matter`,
    );
  const { world, contradictions } = placeReplay(given, pod);
  for (const contradiction of contradictions) io.printError(contradiction);
  if (world.services.length === 0)
    throw new NothingToJudgeBy("--service is missing: the sidecar of --replay knows of no Service of its pod");
  const { state, edited } = await loadStateOfKnown(world, given.services, io);
  const judging = governing(edited, state);
  const results = replay(state, seen);
  const changed = results.filter(({ effect }) => effect !== "same");
  const counts = countsOf(results);
  const idle = edited.filter((key) => !judging.includes(key));
  // Without this, exit code 0 would approve of an edit that was not judged.
  const problems = counts.loses > 0 ? [] : unheard(world, state, judging, idle);
  if (counts.unknown === results.length)
    throw new NothingToJudgeBy(
      `--replay ${quoted(peers)}: none of its ${results.length} callers can be judged: ${[...new Set(results.map(wordsOf))].join("; ")}`,
    );
  if (problems.length > 0) throw new NothingToJudgeBy(problems);
  const memory = memoryOf(seen);
  if (json) io.printJson({ counts, changes: changed, judgedBy: judging, idle, memory });
  else io.print([...describe(changed, counts), wordsOfEdit(judging, idle), wordsOfMemory(memory)]);
  return counts.loses === 0 ? EXIT.ok : EXIT.failed;
}

/** Edited objects that decide about no port of ours: all of them, or those that an older object keeps from theirs. */
function unheard(
  { directory = "", namespace, services }: WorldQuestion,
  { snapshot }: ServiceState,
  judging: readonly ObjectKey[],
  idle: readonly ObjectKey[],
): readonly string[] {
  const where = `--manifests ${quoted(directory)}`;
  const kept = snapshot.statuses.filter(({ policy }) => idle.includes(policy));
  if (kept.length > 0)
    return kept.map(({ policy, reason }) => `${where}: IngressBackend ${policy} governs no port: ${reason}`);
  if (judging.length > 0) return [];
  return [
    `${where}: none of its ${idle.length} IngressBackends governs a port of Service ${services.join(", ")} in namespace ${namespace}: compare metadata.name and spec.backends`,
  ];
}

/** The span of time in which the callers were seen, milliseconds since the epoch. */
function memoryOf(seen: readonly SeenPeer[]): { readonly from: number; readonly to: number } | undefined {
  let [from, to] = [Infinity, -Infinity];
  for (const { firstSeen = Infinity, lastSeen = -Infinity } of seen) {
    from = Math.min(from, firstSeen);
    to = Math.max(to, lastSeen);
  }
  return from <= to && Number.isFinite(to - from) ? { from, to } : undefined;
}

function wordsOfEdit(judging: readonly ObjectKey[], idle: readonly ObjectKey[]): string {
  const beside = idle.length === 0 ? "" : `; ${idle.length} more govern no port of this pod: ${listed(idle)}`;
  return `judged by ${judging.length} IngressBackends of --manifests: ${listed(judging)}${beside}`;
}

function listed(keys: readonly ObjectKey[]): string {
  const more = keys.length > MOST_NAMED ? ` and ${keys.length - MOST_NAMED} more` : "";
  return keys.length === 0 ? "none" : `${keys.slice(0, MOST_NAMED).join(", ")}${more}`;
}

function wordsOfMemory(memory: ReturnType<typeof memoryOf>): string {
  if (memory === undefined) return "when the callers were seen is not said";
  const [from, to] = [memory.from, memory.to].map((at) => new Date(at).toISOString());
  return `the callers were seen from ${from} to ${to}: who came at no time in between is not judged`;
}

async function readPeers(from: string, io: CliIo): Promise<PeersDocument> {
  try {
    const read = readPeersText(await textOf(from, io));
    if (typeof read === "string") throw new Error(read);
    return read;
  } catch (error) {
    throw new NothingToJudgeBy(`--replay ${quoted(from)}: ${wordsOfFailure(error)}`, { cause: error });
  }
}

async function textOf(from: string, io: CliIo): Promise<string> {
  if (from === STDIN) return io.stdin();
  const url = readAddress(from);
  if (url === undefined) return readTextFile(from);
  return askAdmin(url.pathname === "/" ? new URL("/peers", url) : url);
}

/**
 * As --admin takes it, with or without a scheme; a file of such a name is written ./HOST:PORT.
 *
 * @returns `undefined` for the name of a file
 * @throws in words that follow the text
 */
function readAddress(text: string): URL | undefined {
  const isUrl = /^https?:\/\//i.test(text);
  if (!isUrl && !/^(?:\[[\da-f:.]+\]|[\w.-]+):\d+(?:\/|$)/i.test(text)) return undefined;
  const url = URL.parse(isUrl ? text : `http://${text}`);
  if (url === null)
    throw new Error("that is no URL: expected the admin port of a sidecar such as http://127.0.0.1:15000");
  return url;
}

function countsOf(results: readonly Replayed[]): Readonly<Record<Effect, number>> {
  const counts = { loses: 0, gains: 0, audit: 0, "refused-otherwise": 0, unknown: 0, same: 0 };
  for (const { effect } of results) counts[effect] += 1;
  return counts;
}

function describe(changed: readonly Replayed[], counts: Readonly<Record<Effect, number>>): readonly string[] {
  const order: readonly Effect[] = ["loses", "gains", "audit", "refused-otherwise", "unknown"];
  const lines = order.flatMap((effect) =>
    changed.filter((result) => result.effect === effect).map((result) => `${nameOf(result.peer)}: ${wordsOf(result)}`),
  );
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const summary = `${total} peers: ${counts.loses} would be refused that are served, ${counts.gains} served that are refused, ${counts.audit} served by an audit alone, ${counts["refused-otherwise"]} refused otherwise, ${counts.unknown} unknown, ${counts.same} the same`;
  return [...lines, summary];
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
