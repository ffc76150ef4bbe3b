/** HAProxy as a sidecar: one thread, sessions resumed as it does by itself. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROXY_CORE, start } from "../processes/pinned-process.ts";
import { locate, missing } from "../processes/tools.ts";
import type { Contender, Place } from "./contender.ts";

function config(mode: "tcp" | "http", { certificates, appPort, ports }: Place): string {
  const alpn = mode === "http" ? "alpn h2,http/1.1" : "";
  const tls = `ssl crt ${certificates.serverBoth} ssl-min-ver TLSv1.2 ${alpn}`;
  return `
global
  nbthread 1
  maxconn 9000
defaults
  mode ${mode}
  timeout connect 5s
  timeout client 1h
  timeout server 1h
${mode === "http" ? "  option http-keep-alive\n  http-reuse always" : ""}
frontend server-only
  bind 127.0.0.1:${ports.serverOnly} ${tls}
  tcp-request connection reject if !{ src 127.0.0.1 }
  default_backend app
frontend mutual
  bind 127.0.0.1:${ports.mutual} ${tls} ca-file ${certificates.ca} verify required
  tcp-request connection reject if !{ src 127.0.0.1 }
  default_backend app
backend app
  server app 127.0.0.1:${appPort}
`;
}

function haproxy(name: string, mode: "tcp" | "http", note: string): Contender {
  return {
    name,
    family: name,
    note,
    missing: () => missing("haproxy"),
    judgesAddress: true,
    http2: mode === "http",
    start: (place) => {
      const file = join(place.directory, "haproxy.cfg");
      writeFileSync(file, config(mode, place));
      return [start(PROXY_CORE, locate("haproxy"), ["-db", "-f", file])];
    },
  };
}

export const HAPROXIES: readonly Contender[] = [
  haproxy("haproxy", "http", "upstream connections reused"),
  haproxy("haproxy-tcp", "tcp", "bytes copied"),
];
