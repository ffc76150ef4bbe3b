/**
 * The threads bind with SO_REUSEPORT, which succeeds on a port that another process of the same user listens on and
 * then shares its connections. So the control side first binds each address for itself alone, and lets it go.
 */
import { createServer } from "node:net";
import { addressText, type BackendConfig } from "../../config/config.ts";

/** What bind and socket say of the unspecified IPv6 address where the kernel has no IPv6, or none in this namespace. */
const NO_IPV6: ReadonlySet<string> = new Set(["EAFNOSUPPORT", "EADDRNOTAVAIL"]);

/** A backend's listen address cannot be had. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: string;

  constructor(backendPort: number, listen: string, code: string, message: string) {
    super(`cannot listen on ${listen} for backend port ${backendPort}: ${explain(code, message)}`);
    this.code = code;
  }
}

/**
 * @returns the backends as they can be listened for: on a machine without IPv6 (`ipv6.disable=1`) the default listener is
 * that of IPv4. A listener that somebody has named is never moved.
 * @throws ListenError for the first backend whose address is taken, foreign or forbidden.
 */
export async function settleListenAddresses(backends: readonly BackendConfig[]): Promise<readonly BackendConfig[]> {
  const settled: BackendConfig[] = [];
  for (const backend of backends) settled.push(await settle(backend));
  return settled;
}

async function settle(backend: BackendConfig): Promise<BackendConfig> {
  try {
    await bindOnce(backend);
    return backend;
  } catch (error) {
    if (backend.listenByDefault !== true || !(error instanceof ListenError) || !NO_IPV6.has(error.code)) throw error;
    const inIpv4 = { ...backend, listen: { ...backend.listen, host: "0.0.0.0" } };
    await bindOnce(inIpv4);
    return inIpv4;
  }
}

function bindOnce(backend: BackendConfig): Promise<void> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(new ListenError(backend.port, addressText(backend.listen), error.code ?? "", error.message));
    });
    server.listen({ ...backend.listen, exclusive: true, ipv6Only: false }, () => server.close(() => resolve()));
  });
}

function explain(code: string, message: string): string {
  switch (code) {
    case "EADDRINUSE":
      return "the address is already in use (EADDRINUSE); stop the other listener or choose another port with --backend ...,listen=";
    case "EADDRNOTAVAIL":
      return "this machine has no such address (EADDRNOTAVAIL)";
    case "EACCES":
      return "permission denied (EACCES); choose a port above 1023";
    default:
      return message;
  }
}
