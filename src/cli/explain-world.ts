/** The state that `postern explain` judges by: manifests, a cluster, or a cluster with the policies of manifests. */
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { resolveCredentials } from "../api-server/api-credentials.ts";
import { readObjects } from "../discovery/kubernetes/read-objects.ts";
import { ManifestDirectory } from "../discovery/manifests/directory.ts";
import { sortObjects } from "../discovery/manifests/kinds.ts";
import { misspelt } from "../discovery/manifests/misspelt.ts";
import { buildWorld, readWorld, type WorldObjects } from "../discovery/world.ts";
import { compile } from "../policy/compile/compile.ts";
import type { ObjectKey, World } from "../policy/model.ts";
import { policyStatuses } from "../policy/explain/policy-statuses.ts";
import { supposing, type ServiceState } from "../policy/service-state.ts";
import { definedFields } from "../telemetry/defined-fields.ts";
import { editedKeys, notJudged, withoutEffect, type EditedManifests } from "./edited-policies.ts";
import type { WorldQuestion } from "./explain-question.ts";
import type { CliIo } from "./io.ts";
import { quoted } from "../migrate/quoted.ts";
import { unknownPlace } from "./unknown-place.ts";

/** A cluster that does not respond must not hold up a question for ever. */
const CLUSTER_TIMEOUT_MS = 60_000;

/** What was asked cannot be judged: there is nothing to judge by. */
export class NothingToJudgeBy extends Error {
  override readonly name = "NothingToJudgeBy";
  readonly problems: readonly string[];

  /** @param problems each names the flag */
  constructor(problems: string | readonly string[], options?: ErrorOptions) {
    const all = typeof problems === "string" ? [problems] : problems;
    super(all.join("\n"), options);
    this.problems = all;
  }
}

/**
 * Problems of the world go to stderr.
 * @throws NothingToJudgeBy naming the flag, also where no object is of the namespace
 */
export async function loadState(question: WorldQuestion, io: CliIo): Promise<ServiceState> {
  const manifests = await readManifests(question);
  for (const { file, document, line, message } of manifests?.faults ?? [])
    io.printError(`${file}:${line}: document ${document} is broken and left out: ${message}`);
  for (const { file, line, object, message } of (manifests?.objects ?? []).flatMap(misspelt))
    io.printError(`${file}:${line}: ${object} is left out: ${message}`);
  const objects = await objectsOf(question, manifests && sortObjects(manifests.objects), io);
  const { world, shadowed } = readWorld(objects);
  io.printError(shadowed.map(({ policy, problem }) => `IngressBackend ${policy}: ${problem}`));
  const unknown = unknownPlace(world, question);
  if (unknown.namespace !== undefined) throw new NothingToJudgeBy([unknown.namespace, ...unknown.elsewhere]);
  io.printError(unknown.services);
  return stateOf(world, question, io);
}

/**
 * As `loadState`, and refuses what is probably misspelt: a namespace or Service that no object names, or manifests that would
 * not be judged.
 * @param asked Services that flags name: the others are the sidecar's own
 * @throws NothingToJudgeBy naming the flag, or each manifest in a line of its own
 */
export async function loadStateOfKnown(
  question: WorldQuestion,
  asked: readonly string[],
  io: CliIo,
): Promise<{ readonly state: ServiceState; readonly edited: readonly ObjectKey[] }> {
  const manifests = (await readManifests(question)) ?? { objects: [], faults: [] };
  const objects = await objectsOf(question, sortObjects(manifests.objects), io);
  const world = buildWorld(objects);
  const unknown = unknownPlace(world, question, asked);
  const problems = [
    unknown.namespace ?? [],
    unknown.services,
    notJudged(manifests, question.namespace),
    withoutEffect(manifests, objects.ingressBackends),
  ].flat();
  if (problems.length > 0) throw new NothingToJudgeBy(problems);
  return { state: stateOf(world, question, io), edited: editedKeys(manifests) };
}

function stateOf(
  world: World,
  { namespace, services, podName, meshName, nodes, auditUntil }: WorldQuestion,
  io: CliIo,
): ServiceState {
  const snapshot = compile(
    world,
    { namespace, services, nodes, ...definedFields({ podName, meshName, auditUntil }) },
    1,
  );
  const state = supposing(snapshot, Date.now());
  for (const { policy, currentStatus, reason } of policyStatuses(state))
    if (currentStatus === "error") io.printError(`IngressBackend ${policy}: ${reason}`);
  for (const { policy, warnings } of snapshot.statuses)
    io.printError(warnings.map((warning) => `IngressBackend ${policy}: warning: ${warning}`));
  return state;
}

async function objectsOf(
  { kubeconfig, namespace }: WorldQuestion,
  manifests: WorldObjects | undefined,
  io: CliIo,
): Promise<WorldObjects> {
  if (kubeconfig === undefined) {
    if (manifests === undefined) throw new NothingToJudgeBy("--manifests is missing");
    return manifests;
  }
  try {
    const credentials = await resolveCredentials({
      kubeconfig,
      env: io.env,
      warn: (message) => io.printError(message),
    });
    const signal = AbortSignal.timeout(CLUSTER_TIMEOUT_MS);
    const instead = manifests?.ingressBackends ?? [];
    return await readObjects({ credentials, namespace, instead, signal });
  } catch (error) {
    const message = wordsOfFailure(error);
    // What is wrong with the file itself names it already.
    const named = message.startsWith("kubeconfig ") ? `--${message}` : `--kubeconfig ${quoted(kubeconfig)}: ${message}`;
    throw new NothingToJudgeBy(named, { cause: error });
  }
}

async function readManifests({ directory }: WorldQuestion): Promise<EditedManifests | undefined> {
  if (directory === undefined) return undefined;
  try {
    const { newFaults, objects } = await new ManifestDirectory(directory).read();
    return { objects, faults: newFaults };
  } catch (error) {
    throw new NothingToJudgeBy(`--manifests ${quoted(directory)} cannot be read: ${wordsOfFailure(error)}`, {
      cause: error,
    });
  }
}
