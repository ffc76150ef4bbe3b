/** The pages of the health port that answer for the application. */
import { setTimeout as delay } from "node:timers/promises";
import { addressText, type BackendConfig, type Config, type SocketAddress } from "../../config/config.ts";
import { ask } from "./ask.ts";
import type { ProbeAnswer, Question } from "./question.ts";

export type ProbePage = () => Promise<ProbeAnswer>;

/** How long a preStop hook may come before the sidecar itself was told to end. */
const LONGEST_AHEAD_MS = 10_000;

export interface Drain {
  readonly draining: boolean;
  /** Settles when the drain is over. */
  readonly drained: Promise<void>;
}

export function probePages(
  { probes, backends, podIps }: Pick<Config, "probes" | "backends" | "podIps">,
  drain: Drain,
): Readonly<Record<string, ProbePage>> {
  return Object.fromEntries(
    probes.map(({ path, timeoutMs, ask: question }) => [
      path,
      question.kind === "drained"
        ? () => whenDrained(drain)
        : once(() => ask(withHost(question, podIps[0]), applicationAt(question.port, backends), timeoutMs)),
    ]),
  );
}

/** Whoever asks while a question is out gets its answer: nobody can turn the health port into load for the application. */
function once(page: ProbePage): ProbePage {
  let running: Promise<ProbeAnswer> | undefined;
  return () => (running ??= page().finally(() => (running = undefined)));
}

/** The kubelet calls the pod by its address, and an application may refuse other hosts. */
function withHost(question: Question, podIp: string | undefined): Question {
  if (question.kind !== "http" || podIp === undefined) return question;
  if (question.headers.some(([name]) => name.toLowerCase() === "host")) return question;
  const host = addressText({ host: podIp, port: question.port });
  return { ...question, headers: [...question.headers, ["Host", host]] };
}

/** A guarded port is where its backend says; any other is on loopback. */
function applicationAt(port: number, backends: readonly BackendConfig[]): SocketAddress {
  return backends.find((backend) => Number(backend.port) === port)?.app ?? { host: "127.0.0.1", port };
}

/** Held back until then, which lets a preStop hook wait; ahead of a drain for a moment only. */
async function whenDrained(drain: Drain): Promise<ProbeAnswer> {
  const timer = new AbortController();
  const ahead = delay(LONGEST_AHEAD_MS, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([drain.drained, ahead]);
  timer.abort();
  if (!drain.draining) return { healthy: false, words: "the sidecar was not told to end" };
  await drain.drained;
  return { healthy: true, words: "the sidecar has drained" };
}
