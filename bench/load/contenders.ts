/** Who is measured: each does the same work, TLS ended in front of one application, callers judged by address. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Certificates } from "./certificates.ts";
import { CLIENT_NAME } from "./certificates.ts";
import { installed, PROXY_CORE, start, type Child } from "./process.ts";

export interface Surroundings {
  readonly directory: string;
  readonly certificates: Certificates;
  readonly appPort: number;
}

/** Ports that a contender is to listen on: server-only TLS, and TLS that demands the gateway's certificate. */
export interface Ports {
  readonly serverOnly: number;
  readonly mutual: number;
}

export interface Contender {
  readonly name: string;
  readonly note: string;
  /** Why it cannot run here; `undefined` when it can. */
  readonly missing: () => string | undefined;
  readonly start: (around: Surroundings, ports: Ports) => Child;
  /** Refuses callers that are not 127.0.0.1. */
  readonly judgesAddress: boolean;
  /** Speaks HTTP/2 to whoever asks for it in the handshake, and HTTP/1.1 to the application. */
  readonly http2: boolean;
}

const root = join(import.meta.dirname, "../..");
const flags = (values: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`);

/** The gateway is 127.0.0.1; server-only TLS on port 81, mTLS with a principal on port 82. */
function manifests(): string {
  const policy = (name: string, port: number, skip: boolean, sources: readonly object[]): object => ({
    apiVersion: "policy.openservicemesh.io/v1alpha1",
    kind: "IngressBackend",
    metadata: { name, namespace: "shop" },
    spec: {
      backends: [{ name: "cart", port: { number: port, protocol: "https" }, tls: { skipClientCertValidation: skip } }],
      sources: [{ kind: "Service", namespace: "gateways", name: "edge" }, ...sources],
    },
  });
  const slice = {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "edge-1", namespace: "gateways", labels: { "kubernetes.io/service-name": "edge" } },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"] }],
  };
  const principal = { kind: "AuthenticatedPrincipal", name: CLIENT_NAME };
  return [policy("open", 81, true, []), policy("mutual", 82, false, [principal]), slice]
    .map((object) => JSON.stringify(object))
    .join("\n---\n");
}

function postern(name: string, forward: "http" | "stream", note: string): Contender {
  return {
    name,
    note,
    missing: () => undefined,
    judgesAddress: true,
    http2: forward === "http",
    start: ({ directory, certificates, appPort }, ports) => {
      const policies = join(directory, name);
      mkdirSync(policies, { recursive: true });
      writeFileSync(join(policies, "policies.yaml"), manifests());
      const backend = (port: number, listen: number): string =>
        `--backend=port=${port},listen=127.0.0.1:${listen},app=127.0.0.1:${appPort},forward=${forward}`;
      return start(PROXY_CORE, process.execPath, [
        join(root, "src/main.ts"),
        "run",
        ...flags({ manifests: policies, namespace: "shop", service: "cart", workers: 1, admin: "127.0.0.1:0" }),
        ...flags({ "tls-cert": certificates.serverCert, "tls-key": certificates.serverKey, "tls-ca": certificates.ca }),
        // No rival writes a line a request here.
        "--access-log=false",
        backend(81, ports.serverOnly),
        backend(82, ports.mutual),
      ]);
    },
  };
}

function haproxy(name: string, mode: "tcp" | "http"): Contender {
  return {
    name,
    note: mode === "tcp" ? "bytes copied" : "upstream connections reused",
    missing: () => (installed("haproxy") ? undefined : "haproxy is not installed"),
    judgesAddress: true,
    http2: mode === "http",
    start: ({ directory, certificates, appPort }, ports) => {
      const file = join(directory, `${name}.cfg`);
      const alpn = mode === "http" ? "alpn h2,http/1.1" : "";
      const tls = `ssl crt ${certificates.serverBoth} ssl-min-ver TLSv1.2 no-tls-tickets ${alpn}`;
      const config = `
global
  nbthread 1
  maxconn 4000
  tune.ssl.cachesize 0
  tune.ssl.lifetime 1
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
      writeFileSync(file, config);
      return start(PROXY_CORE, "haproxy", ["-db", "-f", file]);
    },
  };
}

const nginx: Contender = {
  name: "nginx http",
  note: "upstream keep-alive",
  missing: () => (installed("nginx") ? undefined : "nginx is not installed"),
  judgesAddress: true,
  http2: true,
  start: ({ directory, certificates, appPort }, ports) => {
    const file = join(directory, "nginx.conf");
    const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${join(directory, `nginx-${name}`)};`)
      .join("\n  ");
    const server = (port: number, extra: string): string => `
  server {
    listen 127.0.0.1:${port} ssl http2;
    allow 127.0.0.1;
    deny all;
    ${extra}
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }`;
    const config = `
daemon off;
master_process off;
worker_processes 1;
error_log stderr crit;
pid ${join(directory, "nginx.pid")};
events { worker_connections 4000; }
http {
  access_log off;
  ${scratch}
  client_max_body_size 0;
  keepalive_requests 100000000;
  keepalive_timeout 1h;
  ssl_certificate ${certificates.serverCert};
  ssl_certificate_key ${certificates.serverKey};
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_tickets off;
  ssl_session_cache off;
  upstream app { server 127.0.0.1:${appPort}; keepalive 256; keepalive_requests 100000000; }
${server(ports.serverOnly, "")}
${server(ports.mutual, `ssl_client_certificate ${certificates.ca}; ssl_verify_client on;`)}
}
`;
    writeFileSync(file, config);
    return start(PROXY_CORE, "nginx", ["-p", directory, "-c", file]);
  },
};

/** A rival of a few lines on Node, in a file of its own. */
function script(name: string, file: string, note: string): Contender {
  return {
    name,
    note,
    missing: () => undefined,
    judgesAddress: false,
    http2: false,
    start: ({ certificates, appPort }, ports) =>
      start(PROXY_CORE, process.execPath, ["--no-deprecation", join(import.meta.dirname, "rivals", file)], {
        RIVAL: JSON.stringify({ ...certificates, appPort, ...ports }),
      }),
  };
}

export const CONTENDERS: readonly Contender[] = [
  postern("http", "http", "Postern, parsed and rewritten"),
  postern("stream", "stream", "Postern, bytes copied"),
  haproxy("haproxy tcp", "tcp"),
  haproxy("haproxy http", "http"),
  nginx,
  script("node+undici", "undici.ts", "the bare parts: https.Server and undici, no policy"),
  script("http-proxy", "http-proxy.ts", "1.18, keep-alive agent, https.Server"),
];
