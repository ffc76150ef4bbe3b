/** The API server that a person's command talks to, as kubectl finds it. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { resolveCredentials } from "../api-server/api-credentials.ts";
import { ApiClient } from "../api-server/client.ts";
import { DEFAULT_TIMING } from "../api-server/timing.ts";
import { ApiObjects } from "../install/cluster/api-objects.ts";
import type { Flag } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";

export const KUBECONFIG_FLAG: Flag = {
  name: "kubeconfig",
  value: "FILE",
  help: "cluster and credentials (KUBECONFIG, else ~/.kube/config, else the pod's own account)",
};

export interface ClusterWork {
  /** Of the command, for messages. */
  readonly name: string;
  /** `--kubeconfig` */
  readonly kubeconfig: string | undefined;
  /** After which whatever is under way is given up. */
  readonly timeoutMs: number;
}

/** @returns the exit code of the work; 1, with the reason on stderr, when the cluster cannot be asked or refuses */
export async function withCluster(
  { name, kubeconfig, timeoutMs }: ClusterWork,
  io: CliIo,
  work: (objects: ApiObjects) => Promise<number>,
): Promise<number> {
  let client: ApiClient | undefined;
  try {
    const path = kubeconfig ?? (await kubectlsOwn(io.env));
    const credentials = await resolveCredentials({
      ...(path !== undefined && { kubeconfig: path }),
      env: io.env,
      warn: (message) => io.printError(`postern ${name}: ${message}`),
    });
    client = new ApiClient({ credentials, timing: DEFAULT_TIMING });
    const ended = new AbortController();
    io.onTermination((signal) => ended.abort(new Error(`ended by ${signal}`)));
    return await work(new ApiObjects(client, AbortSignal.any([ended.signal, AbortSignal.timeout(timeoutMs)])));
  } catch (error) {
    io.printError(`postern ${name}: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.failed;
  } finally {
    await client?.close();
  }
}

async function kubectlsOwn(env: CliIo["env"]): Promise<string | undefined> {
  if (env["KUBECONFIG"] !== undefined && env["KUBECONFIG"] !== "") return env["KUBECONFIG"];
  if (env["HOME"] === undefined || env["KUBERNETES_SERVICE_HOST"] !== undefined) return undefined;
  const file = join(env["HOME"], ".kube/config");
  return access(file).then(
    () => file,
    () => undefined,
  );
}
