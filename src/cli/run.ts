/** `postern run`: the sidecar. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { startAdmin, type AdminServers } from "../admin/admin.ts";
import { ConfigError } from "../config/parse.ts";
import { readConfig } from "../config/read.ts";
import { envName, LIMIT_SETTINGS, SETTINGS } from "../config/settings.ts";
import type { Config } from "../config/config.ts";
import { createDiscovery } from "../choose-discovery.ts";
import { EarlyWorkers } from "../early-workers.ts";
import { Sidecar } from "../sidecar.ts";
import { createLog, openLog, type Log } from "../telemetry/log.ts";
import { helpText, parseFlags, type CommandSpec } from "./flags.ts";
import { isForOperators } from "./for-operators.ts";
import { EXIT, type CliIo } from "./io.ts";

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/** How long the last lines may take to get out. Pods have this beyond LONGEST_CLOSE_MS before they are killed. */
export const LAST_LINES_MS = 1_000;

type Logging = ReturnType<typeof openLog>;

const RUN: CommandSpec = {
  name: "run",
  summary: "Runs the sidecar: guards each backend port and forwards what its policy lets in.",
  usage: [
    "run --manifests DIR --namespace NS --service NAME --backend port=80,listen=[::]:15080,app=127.0.0.1:80 [--tls-cert FILE --tls-key FILE --tls-ca FILE] ...",
  ],
  flags: [
    { name: "config", value: "FILE", help: "YAML file with settings, named as these flags are" },
    ...SETTINGS,
    ...LIMIT_SETTINGS,
  ],
  notes: `Every flag has an environment variable (--mesh-name: ${envName("mesh-name")}) and a key in the file that --config
names. Flags win over the environment, the environment over the file. Logs are JSON lines on stdout.
SIGTERM drains: exit 0 when everything finished, 1 when something was cut at the deadline. A data-plane thread that hangs
is replaced; when it cannot be ended the process drains by itself and exits with 1.`,
};

/** Problems of the command line go to stderr as JSON lines too: whoever collects a sidecar's output parses lines. */
export async function runSidecar(
  argv: readonly string[],
  io: CliIo,
  earlyWorkers = new EarlyWorkers(),
): Promise<number> {
  const flags = parseFlags(RUN, argv);
  if (flags.help) {
    io.stdout(helpText(RUN));
    return EXIT.ok;
  }
  const startLog = createLog("info", io.stderr);
  const config = await loadConfig(flags.values, flags.problems, io, startLog);
  if (config === undefined) return EXIT.usage;
  earlyWorkers.start(config.workers);
  const logging = openLog(config.logLevel, io.stdout);
  const code = await serve(config, logging, io, earlyWorkers);
  // Whoever ends the process does not wait for what is still to be written.
  await logging.output.written(LAST_LINES_MS);
  return code;
}

async function loadConfig(
  values: ReadonlyMap<string, readonly string[]>,
  flagProblems: readonly string[],
  { env }: CliIo,
  log: Log,
): Promise<Config | undefined> {
  const file = values.get("config")?.[0] ?? env[envName("config")];
  const flags = new Map([...values].filter(([name]) => name !== "config"));
  const problems = [...flagProblems];
  try {
    const inCluster = env["KUBERNETES_SERVICE_HOST"] !== undefined && existsSync(SERVICE_ACCOUNT);
    const config = await readConfig(
      { flags, env, ...(file !== undefined && { file }) },
      { parallelism: availableParallelism(), inCluster },
    );
    if (problems.length === 0) return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  for (const problem of problems) log.error({ problem }, "configuration problem; see 'postern run --help'");
  return undefined;
}

async function serve(config: Config, logging: Logging, io: CliIo, earlyWorkers: EarlyWorkers): Promise<number> {
  const { log } = logging;
  const terminated = new Promise<string>((resolve) => io.onTermination(resolve));
  let sidecar: Sidecar | undefined;
  let admin: AdminServers | undefined;
  try {
    sidecar = new Sidecar(config, logging, await createDiscovery(config, log, io.env), { env: io.env, earlyWorkers });
    admin = await startAdmin(sidecar);
    await sidecar.start();
    const signal = await Promise.race([terminated, sidecar.broken]);
    if (signal !== undefined) log.info({ signal }, "asked to end");
    const { cut } = await sidecar.drain();
    return cut === 0 && signal !== undefined ? EXIT.ok : EXIT.failed;
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    log.error({ problem, ...(!isForOperators(error) && { error }) }, "cannot go on");
    return EXIT.failed;
  } finally {
    await admin?.close();
    await sidecar?.close();
  }
}
