/** `postern explain`: one supposed peer's verdict, by the code of the data path. */
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { explain, type Explanation } from "../policy/explain/explain.ts";
import type { PeerQuestion } from "../policy/explain/question.ts";
import { askAdminJson, notAdminPort } from "./ask-admin.ts";
import { EXPLAIN, readQuestion, type Question, type WorldQuestion } from "./explain-question.ts";
import { runReplay } from "./explain-replay.ts";
import { loadState, NothingToJudgeBy } from "./explain-world.ts";
import { helpText, parseFlags, usageError } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";
import { quoted } from "../migrate/quoted.ts";

export async function runExplain(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems, help } = parseFlags(EXPLAIN, argv);
  if (help) {
    io.stdout(helpText(EXPLAIN));
    return EXIT.ok;
  }
  const question = readQuestion(values, problems);
  if ("problems" in question) {
    io.printError(usageError(EXPLAIN, question.problems));
    return EXIT.usage;
  }
  try {
    return await answer(question, values.has("json"), io);
  } catch (error) {
    if (!(error instanceof NothingToJudgeBy)) throw error;
    io.printError(usageError(EXPLAIN, error.problems));
    return EXIT.usage;
  }
}

async function answer(question: Question, json: boolean, io: CliIo): Promise<number> {
  if (question.kind === "replay") return runReplay(question, json, io);
  const { about } = question;
  const explanation =
    question.kind === "admin"
      ? await ask(question.url, about)
      : explain(await loadState(question.world, io), about.port, about.peer);
  if (json) io.printJson(explanation);
  else io.print(describe(explanation, question));
  return explanation.verdict === "forward" ? EXIT.ok : EXIT.failed;
}

/** @throws NothingToJudgeBy when no sidecar responds */
async function ask(url: URL, { port, peer }: PeerQuestion): Promise<Explanation> {
  const target = new URL("/explain", url);
  const { address, tls, sni, sans } = peer;
  target.searchParams.set("port", String(port));
  target.searchParams.set("from", address);
  if (tls) target.searchParams.set("tls", "true");
  if (sni !== undefined) target.searchParams.set("sni", sni);
  if (tls && sans === undefined) target.searchParams.set("no-cert", "true");
  for (const { type, value } of tls ? (sans ?? []) : []) target.searchParams.append("san", `${type}:${value}`);
  try {
    const explanation = (await askAdminJson(target)) as Partial<Explanation> | null;
    if (typeof explanation?.verdict !== "string") throw notAdminPort(target);
    return explanation as Explanation;
  } catch (error) {
    throw new NothingToJudgeBy(`--admin ${quoted(url.href)}: ${wordsOfFailure(error)}`, { cause: error });
  }
}

function describe(
  explanation: Explanation,
  question: Exclude<Question, { readonly kind: "replay" }>,
): readonly string[] {
  const { verdict, reason, policy, source, principal, wouldRefuse, nearest, conditions = [] } = explanation;
  const { port, peer } = question.about;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["verdict", verdict],
    ["reason", reason],
    ["policy", policy],
    ["source", source],
    ["principal", principal],
    ["audit", wouldRefuse && `would be refused: ${wouldRefuse}`],
    ["nearest", nearest],
    ...conditions.map(({ code, detail }) => ["condition", `${code}: ${detail}`] as const),
    ["supposed", question.kind === "admin" ? undefined : wordsOfSupposed(question.world)],
  ];
  const lines = rows.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(11)}${value}`]));
  return [`${peer.address} to port ${port}${peer.tls ? " over TLS" : ""}`, ...lines];
}

/** What the sidecar may have otherwise. */
function wordsOfSupposed({ meshName, podName }: WorldQuestion): string {
  return [
    "a listener and a good certificate of our own",
    ...(meshName === undefined ? ["no --mesh-name, so that no namespace needs its label"] : []),
    ...(podName === undefined ? ["no --pod-name"] : []),
    "--admin asks the sidecar",
  ].join("; ");
}
