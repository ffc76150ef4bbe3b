/**
 * The threads bind with SO_REUSEPORT, which succeeds on a port that another process of the same user listens on and
 * then shares its connections. So the control side first binds each address for itself alone, and lets it go.
 */
import { createServer } from "node:net";
import type { BackendConfig } from "../../config/config.ts";

/** A backend's listen address cannot be had. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly code: string;

  constructor(backendPort: number, listen: string, code: string, message: string) {
    super(`cannot listen on ${listen} for backend port ${backendPort}: ${explain(code, message)}`);
    this.code = code;
  }
}

/** @throws ListenError for the first backend whose address is taken, foreign or forbidden. */
export async function checkListenAddresses(backends: readonly BackendConfig[]): Promise<void> {
  for (const backend of backends) await bindOnce(backend);
}

function bindOnce(backend: BackendConfig): Promise<void> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(new ListenError(backend.port, listenText(backend), error.code ?? "", error.message));
    });
    server.listen({ ...backend.listen, exclusive: true, ipv6Only: false }, () => server.close(() => resolve()));
  });
}

/** `host:port`, IPv6 hosts in brackets. */
export function listenText({ listen }: BackendConfig): string {
  return listen.host.includes(":") ? `[${listen.host}]:${listen.port}` : `${listen.host}:${listen.port}`;
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
