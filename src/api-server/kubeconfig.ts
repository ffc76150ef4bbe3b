/** Credentials of a kubeconfig file, read as kubectl reads it, by the official client. Costs memory: imported on demand. */
import { KubeConfig } from "@kubernetes/client-node";
import { delimiter, dirname } from "node:path";
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { readTextFile } from "../files/read-text.ts";
import type { ApiCredentials, ApiTls } from "./credentials.ts";

export interface KubeconfigOptions {
  /** One file, or several joined as in `KUBECONFIG`; the first that names a context wins, as for kubectl. */
  readonly path: string;
  /** Called once when the file switches verification of the server off. */
  readonly warn: (message: string) => void;
}

/** Throws when the file cannot be read, names no cluster, or asks for something that is not supported. */
export async function kubeconfigCredentials(options: KubeconfigOptions): Promise<ApiCredentials> {
  let config = await load(options.path);
  const cluster = config.getCurrentCluster();
  const origin = `kubeconfig ${options.path}`;
  if (cluster === null)
    throw new Error(`${origin}: current-context names no cluster; set one with kubectl config use-context`);
  if (cluster.proxyUrl !== undefined)
    throw new Error(`${origin}: proxy-url is not supported; reach the API server directly`);
  // The client says so only when it is asked for a token.
  if (!cluster.skipTLSVerify && !cluster.server.startsWith("https://"))
    throw new Error(`${origin}: its server is ${cluster.server}; expected an address that begins with https://`);
  if (cluster.skipTLSVerify) {
    options.warn(
      `${origin}: insecure-skip-tls-verify is set, so anyone who answers at ${cluster.server} can decide who is let in`,
    );
  }
  let stale = false;
  const current = async (): Promise<KubeConfig> => {
    if (stale) config = await load(options.path);
    stale = false;
    return config;
  };
  return {
    server: new URL(cluster.server),
    origin,
    tls: async () => pickTls(await httpsOptions(await current())),
    headers: async () => pickHeaders(await httpsOptions(await current())),
    refused: () => {
      stale = true;
    },
  };
}

async function load(path: string): Promise<KubeConfig> {
  const [first, ...others] = path.split(delimiter).filter((file) => file !== "");
  if (first === undefined) throw new Error("kubeconfig: no file given");
  try {
    const merged = await loadOne(first);
    for (const other of others) merged.mergeConfig(await loadOne(other), true);
    return merged;
  } catch (error) {
    throw new Error(`kubeconfig ${path} cannot be used: ${wordsOfFailure(error)}`, {
      cause: error,
    });
  }
}

/** The client's own `loadFromFile` waits for ever where a path gives nothing. */
async function loadOne(file: string): Promise<KubeConfig> {
  const config = new KubeConfig();
  config.loadFromString(await readTextFile(file));
  config.makePathsAbsolute(dirname(file));
  return config;
}

type HttpsOptions = Parameters<KubeConfig["applyToHTTPSOptions"]>[0];

async function httpsOptions(config: KubeConfig): Promise<HttpsOptions> {
  const options: HttpsOptions = {};
  await config.applyToHTTPSOptions(options);
  return options;
}

function pickTls(options: HttpsOptions): ApiTls {
  const { ca, cert, key, servername, rejectUnauthorized } = options as ApiTls;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  };
}

function pickHeaders(options: HttpsOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries((options.headers ?? {}) as Record<string, unknown>)) {
    if (typeof value === "string") headers[name.toLowerCase()] = value.trim();
  }
  const { auth } = options as { readonly auth?: unknown };
  if (typeof auth === "string") headers["authorization"] = `Basic ${Buffer.from(auth).toString("base64")}`;
  return headers;
}
