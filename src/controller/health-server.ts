/** `/livez` and `/readyz` of the controller, for the kubelet. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { SocketAddress } from "../config/config.ts";

export interface Readiness {
  /** What keeps this replica from answering webhooks; empty when nothing does. */
  readonly reasons: readonly string[];
  readonly leads: boolean;
  /** What cannot be done at the moment: by the leader, by task, and by any replica that asks for the Lease. */
  readonly problems: Readonly<Record<string, string>>;
}

export class HealthServer {
  readonly #server: Server;

  constructor(readiness: () => Readiness) {
    this.#server = createServer({ headersTimeout: 5_000, requestTimeout: 5_000 }, (request, response) => {
      const path = (request.url ?? "/").split("?", 1)[0];
      const ready = readiness();
      const page: readonly [status: number, body: object] =
        path === "/livez"
          ? [200, { live: true }]
          : path === "/readyz"
            ? [ready.reasons.length === 0 ? 200 : 503, { ready: ready.reasons.length === 0, ...ready }]
            : [404, { pages: ["/livez", "/readyz"] }];
      response.writeHead(page[0], { "content-type": "application/json", "cache-control": "no-store" });
      response.end(`${JSON.stringify(page[1])}\n`);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Rejects when the address cannot be listened on. */
  async start({ host, port }: SocketAddress): Promise<void> {
    this.#server.listen({ host, port });
    await once(this.#server, "listening");
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
