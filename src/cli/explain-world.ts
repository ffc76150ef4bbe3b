/** The state that `postern explain` judges by: manifests, a cluster, or a cluster with the policies of manifests. */
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { resolveCredentials } from "../discovery/kubernetes/api-credentials.ts";
import { readObjects } from "../discovery/kubernetes/read-objects.ts";
import { ManifestDirectory } from "../discovery/manifests/directory.ts";
import { sortObjects } from "../discovery/manifests/kinds.ts";
import { buildWorld, type WorldObjects } from "../discovery/world.ts";
import { compile } from "../policy/compile.ts";
import type { World } from "../policy/model.ts";
import { policyStatuses } from "../policy/policy-statuses.ts";
import { supposing, type ServiceState } from "../policy/service-state.ts";
import { definedFields } from "../telemetry/defined-fields.ts";
import type { WorldQuestion } from "./explain-question.ts";
import type { CliIo } from "./io.ts";
import { quoted } from "../migrate/quoted.ts";
import { unknownPlace } from "./unknown-place.ts";

/** A cluster that does not respond must not hold up a question for ever. */
const CLUSTER_TIMEOUT_MS = 60_000;

/** What was asked cannot be judged: there is nothing to judge by. */
export class NothingToJudgeBy extends Error {
  override readonly name = "NothingToJudgeBy";
}

/**
 * Problems of the world go to stderr.
 * @throws NothingToJudgeBy naming the flag
 */
export async function loadState(question: WorldQuestion, io: CliIo): Promise<ServiceState> {
  const world = await loadWorld(question, io);
  const problem = unknownPlace(world, question);
  if (problem !== undefined) io.stderr(`${problem}\n`);
  return stateOf(world, question, io);
}

/**
 * As `loadState`, where the answer must not come from a slip of the pen: a namespace or Service that nothing speaks of.
 * @throws NothingToJudgeBy naming the flag
 */
export async function loadStateOfKnown(question: WorldQuestion, io: CliIo): Promise<ServiceState> {
  const world = await loadWorld(question, io);
  const problem = unknownPlace(world, question);
  if (problem !== undefined) throw new NothingToJudgeBy(problem);
  return stateOf(world, question, io);
}

async function loadWorld(question: WorldQuestion, io: CliIo): Promise<World> {
  return buildWorld(await objectsOf(question, io));
}

function stateOf(
  world: World,
  { namespace, services, podName, meshName, nodes }: WorldQuestion,
  io: CliIo,
): ServiceState {
  const snapshot = compile(world, { namespace, services, nodes, ...definedFields({ podName, meshName }) }, 1);
  const state = supposing(snapshot, Date.now());
  for (const { policy, currentStatus, reason } of policyStatuses(state))
    if (currentStatus === "error") io.stderr(`IngressBackend ${policy}: ${reason}\n`);
  return state;
}

async function objectsOf({ directory, kubeconfig, namespace }: WorldQuestion, io: CliIo): Promise<WorldObjects> {
  const manifests = directory === undefined ? undefined : await readManifests(directory, io);
  if (kubeconfig === undefined) {
    if (manifests === undefined) throw new NothingToJudgeBy("--manifests is missing");
    return manifests;
  }
  try {
    const credentials = await resolveCredentials({
      kubeconfig,
      env: io.env,
      warn: (message) => io.stderr(`${message}\n`),
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

async function readManifests(directory: string, io: CliIo): Promise<WorldObjects> {
  try {
    const { newFaults, objects } = await new ManifestDirectory(directory).read();
    for (const { file, document, line, message } of newFaults)
      io.stderr(`${file}:${line}: document ${document} is broken and left out: ${message}\n`);
    return sortObjects(objects);
  } catch (error) {
    throw new NothingToJudgeBy(`--manifests ${quoted(directory)} cannot be read: ${wordsOfFailure(error)}`, {
      cause: error,
    });
  }
}
