/** ghostunnel, a tunnel in Go: no HTTP, no addresses; the principal is judged by the DNS name of the certificate. */
import { CLIENT_NAME } from "../certificates.ts";
import { PROXY_CORE, start } from "../processes/pinned-process.ts";
import { locate, missing } from "../processes/tools.ts";
import type { Contender } from "./contender.ts";

export const GHOSTUNNEL: Contender = {
  name: "ghostunnel",
  family: "ghostunnel",
  note: "bytes copied, a process a port",
  missing: () => missing("ghostunnel"),
  judgesAddress: false,
  http2: false,
  start: ({ certificates, appPort, ports }) => {
    const serve = (port: number, extra: readonly string[]) =>
      start(
        PROXY_CORE,
        locate("ghostunnel"),
        [
          "server",
          `--listen=127.0.0.1:${port}`,
          `--target=127.0.0.1:${appPort}`,
          `--cert=${certificates.serverCert}`,
          `--key=${certificates.serverKey}`,
          `--cacert=${certificates.ca}`,
          "--quiet=all",
          ...extra,
        ],
        // It has one core, and is told so as a container's limit would.
        { env: { GOMAXPROCS: "1" } },
      );
    return [serve(ports.serverOnly, ["--disable-authentication"]), serve(ports.mutual, [`--allow-dns=${CLIENT_NAME}`])];
  },
};
