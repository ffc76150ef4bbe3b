/**
 * Credentials of a pod's service account. The client library reads the same two files, but importing it costs every
 * sidecar about 60 MB of memory for the sake of them; a test holds the two to the same answers.
 */
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { ApiCredentials, ApiTls } from "./credentials.ts";

/** Where the kubelet mounts the service account, in every pod. */
const SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The kubelet replaces a token long before it expires; client-go re-reads at this pace too. */
const TOKEN_CACHE_MS = 60_000;

export interface InClusterOptions {
  /** `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Default: {@link SERVICE_ACCOUNT_DIRECTORY}. */
  readonly directory?: string;
  /** Milliseconds that never jump. */
  readonly monotonic: () => number;
}

/** Throws when the environment names no API server: that is for the operator to mend. */
export function inClusterCredentials(options: InClusterOptions): ApiCredentials {
  const directory = options.directory ?? SERVICE_ACCOUNT_DIRECTORY;
  const host = options.env["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = options.env["KUBERNETES_SERVICE_PORT"] ?? "";
  if (host === "" || port === "") {
    throw new Error(
      "not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; give --kubeconfig FILE or --manifests DIR",
    );
  }
  const token = rotatingFile(join(directory, "token"), options.monotonic);
  return {
    server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
    origin: `service account in ${directory}`,
    tls: async (): Promise<ApiTls> => ({ ca: await readFile(join(directory, "ca.crt")) }),
    headers: async () => ({ authorization: `Bearer ${(await token.read()).trim()}` }),
    refused: () => token.forget(),
  };
}

interface RotatingFile {
  read(): Promise<string>;
  forget(): void;
}

function rotatingFile(path: string, monotonic: () => number): RotatingFile {
  let cached: { readonly text: string; readonly readAt: number } | undefined;
  return {
    async read() {
      if (cached !== undefined && monotonic() - cached.readAt < TOKEN_CACHE_MS) return cached.text;
      const text = await readFile(path, "utf8");
      cached = { text, readAt: monotonic() };
      return text;
    },
    forget() {
      cached = undefined;
    },
  };
}
