/** nginx as a sidecar: one process, bodies passed on as they come. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nginxConfig } from "../processes/nginx-config.ts";
import { PROXY_CORE, start } from "../processes/pinned-process.ts";
import { locate, missing } from "../processes/tools.ts";
import type { Contender, Place } from "./contender.ts";

function server(port: number, extra: string): string {
  return `
  server {
    listen 127.0.0.1:${port} ssl http2;
    allow 127.0.0.1;
    deny all;
    ${extra}
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
    }
  }`;
}

function config({ directory, certificates, appPort, ports }: Place): string {
  return nginxConfig(
    directory,
    `
  client_max_body_size 0;
  ssl_certificate ${certificates.serverCert};
  ssl_certificate_key ${certificates.serverKey};
  ssl_protocols TLSv1.2 TLSv1.3;
  upstream app { server 127.0.0.1:${appPort}; keepalive 256; keepalive_requests 100000000; }
  ${server(ports.serverOnly, "")}
  ${server(ports.mutual, `ssl_client_certificate ${certificates.ca}; ssl_verify_client on;`)}`,
  );
}

export const NGINX: Contender = {
  name: "nginx",
  family: "nginx",
  note: "upstream keep-alive, no access log",
  missing: () => missing("nginx"),
  judgesAddress: true,
  http2: true,
  start: (place) => {
    const file = join(place.directory, "nginx.conf");
    writeFileSync(file, config(place));
    return [start(PROXY_CORE, locate("nginx"), ["-p", place.directory, "-c", file])];
  },
};
