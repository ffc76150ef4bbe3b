/** The health port asks the application on loopback: for the declared path, method and port, and nothing else. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { Server as GrpcServer, ServerCredentials, status } from "@grpc/grpc-js";
import { http, policy, range } from "../support/mesh/objects.ts";
import { makeCertificate } from "../support/mesh/certificates.ts";
import { freePorts } from "../support/process/ports.ts";
import { until } from "../support/until.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";

/** `HealthCheckResponse.ServingStatus` of grpc.health.v1. */
const SERVING = 1;
const NOT_SERVING = 2;

const seen: { readonly method: string; readonly url: string; readonly headers: IncomingMessage["headers"] }[] = [];
const hung: Socket[] = [];
let open: (() => void) | undefined;
let application: Server;
let tlsApplication: Server;
let grpcApplication: GrpcServer;
let silent: ReturnType<typeof createTcpServer>;
let sidecar: TestSidecar;
let health: number;

before(async () => {
  application = createServer((request, response) => {
    seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers });
    if (request.url === "/slow") open = () => response.end("secret");
    else if (request.url === "/moved") response.writeHead(302, { location: "/elsewhere" }).end();
    else response.writeHead(request.url?.startsWith("/healthy") === true ? 200 : 500).end("secret");
  });
  const { certPem, keyPem } = makeCertificate({ subject: "nobody trusts this", dns: ["elsewhere.example"] });
  tlsApplication = createTlsServer({ cert: certPem, key: keyPem }, (_request, response) => response.end("secret"));
  // Takes connections and says nothing.
  silent = createTcpServer((socket) => hung.push(socket.on("error", () => undefined)));
  for (const server of [application, tlsApplication, silent]) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  const grpcPort = await startGrpcHealth();
  const [healthPort = 0, nobody = 0] = await freePorts(2);
  health = healthPort;
  const port = portOf(application);
  const probes = {
    "/probes/app/livenessProbe": {
      httpGet: {
        path: "/healthy?deep=1",
        port,
        httpHeaders: [
          { name: "X-Probe", value: "1" },
          { name: "Host", value: "foo" },
        ],
      },
    },
    "/probes/app/readinessProbe": { httpGet: { path: "/sick", port } },
    "/probes/app/startupProbe": { httpGet: { path: "/slow", port }, timeoutSeconds: 60 },
    "/probes/moved/livenessProbe": { httpGet: { path: "/moved", port } },
    "/probes/tls/livenessProbe": { httpGet: { path: "/", port: portOf(tlsApplication), scheme: "HTTPS" } },
    "/probes/hung/livenessProbe": { httpGet: { port: portOf(silent) } },
    "/probes/hung/readinessProbe": { grpc: { port: portOf(silent) } },
    "/probes/hung/startupProbe": { tcpSocket: { port: portOf(silent) } },
    "/probes/gone/livenessProbe": { tcpSocket: { port: nobody } },
    "/probes/gone/readinessProbe": { grpc: { port: nobody } },
    "/probes/grpc/livenessProbe": { grpc: { port: grpcPort } },
    "/probes/grpc/readinessProbe": { grpc: { port: grpcPort, service: "asleep" } },
    "/probes/grpc/startupProbe": { grpc: { port: grpcPort, service: "unknown" } },
    "/probes/other/livenessProbe": { grpc: { port } },
    "/drained": { drained: {} },
  };
  sidecar = await startSidecar({
    manifests: [policy([http], [range("192.0.2.1/32")])],
    backends: [{ app: port }],
    flags: [`--health=127.0.0.1:${health}`],
    env: { POSTERN_PROBES: JSON.stringify(probes), POD_IP: "192.0.2.7" },
  });
});

after(async () => {
  await sidecar?.[Symbol.asyncDispose]();
  for (const socket of hung) socket.destroy();
  for (const server of [application, tlsApplication, silent]) server?.close();
  grpcApplication?.forceShutdown();
});

/** The real library's server with the calls of grpc.health.v1: what is asked of it is read by its own code. */
async function startGrpcHealth(): Promise<number> {
  grpcApplication = new GrpcServer();
  const method = {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: ({ service }: { readonly service: string }) => Buffer.from(service),
    // A falsy request would be none to the library.
    requestDeserialize: (bytes: Buffer) => ({ service: bytes.subarray(2).toString() }),
    responseSerialize: (state: number) => Buffer.from([0x08, state]),
    responseDeserialize: (bytes: Buffer) => bytes[1] ?? 0,
  };
  grpcApplication.addService(
    { check: method },
    {
      check: (
        { request: { service } }: { readonly request: { readonly service: string } },
        reply: (error: object | null, state?: number) => void,
      ) => {
        if (service === "") reply(null, SERVING);
        else if (service === "asleep") reply(null, NOT_SERVING);
        else reply({ code: status.NOT_FOUND, details: "no such service" });
      },
    },
  );
  return new Promise((resolve, reject) => {
    grpcApplication.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

function portOf(server: { address(): string | AddressInfo | null }): number {
  return (server.address() as AddressInfo).port;
}

async function probe(path: string, init?: RequestInit): Promise<readonly [status: number, body: string]> {
  const response = await fetch(`http://127.0.0.1:${health}${path}`, { redirect: "manual", ...init });
  return [response.status, await response.text()];
}

const answers: readonly [what: string, path: string, status: number, body: RegExp][] = [
  ["an application that answers 200 is healthy", "app/livenessProbe", 200, /^the application answered 200\n$/],
  [
    "one that answers 500 is not, and its body stays inside",
    "app/readinessProbe",
    503,
    /^the application answered 500\n$/,
  ],
  ["a redirect is healthy and not followed", "moved/livenessProbe", 200, /^the application answered 302\n$/],
  ["https is asked without a look at the certificate", "tls/livenessProbe", 200, /answered 200/],
  ["an application that hangs fails an http probe", "hung/livenessProbe", 503, /not answered within 1000 ms/],
  ["an application that hangs fails a grpc probe", "hung/readinessProbe", 503, /not answered within 1000 ms/],
  ["a port that takes connections passes a tcp probe", "hung/startupProbe", 200, /takes connections/],
  ["a port that nobody listens on fails a tcp probe", "gone/livenessProbe", 503, /cannot be asked: ECONNREFUSED/],
  ["a port that nobody listens on fails a grpc probe", "gone/readinessProbe", 503, /cannot be asked: ECONNREFUSED/],
  ["a gRPC server that serves is healthy", "grpc/livenessProbe", 200, /SERVING/],
  ["a gRPC service that does not serve is not", "grpc/readinessProbe", 503, /health is 2, expected SERVING/],
  ["a gRPC service that is not known is not", "grpc/startupProbe", 503, /does not know the gRPC service/],
  ["an application that speaks no gRPC fails a grpc probe", "other/livenessProbe", 503, /cannot be asked/],
];
for (const [what, path, expected, body] of answers) {
  test(what, async () => {
    const [code, text] = await probe(`/probes/${path}`);
    assert.equal(code, expected, text);
    assert.match(text, body);
  });
}

test("the application is asked with GET, the declared path and its headers, whatever the caller sends", async () => {
  seen.length = 0;
  await probe("/probes/app/livenessProbe?other=1", { headers: { cookie: "c=1", "x-probe": "2" } });
  const [asked] = seen;
  assert.equal(seen.length, 1);
  assert.deepEqual([asked?.method, asked?.url], ["GET", "/healthy?deep=1"]);
  assert.deepEqual([asked?.headers["x-probe"], asked?.headers.host, asked?.headers.cookie], ["1", "foo", undefined]);
});

test("a probe that names no host is asked by the pod's address, as the kubelet does", async () => {
  seen.length = 0;
  await probe("/probes/moved/livenessProbe");
  assert.equal(seen[0]?.headers.host, `192.0.2.7:${portOf(application)}`);
});

test("undeclared paths and other methods reach nobody", async () => {
  seen.length = 0;
  for (const path of [
    "/",
    "/healthy",
    "/probes/app/livenessProbe/",
    "/probes/app/../app/preStop",
    "/probes/x/livenessProbe",
  ])
    assert.equal((await probe(path))[0], 404, path);
  for (const method of ["HEAD", "POST", "PUT", "DELETE"])
    assert.equal((await probe("/probes/app/livenessProbe", { method }))[0], 405, method);
  assert.deepEqual(seen, []);
});

test("those who ask while a question is out share its answer", async () => {
  seen.length = 0;
  const asked = [1, 2, 3, 4, 5].map(() => probe("/probes/app/startupProbe"));
  await until("the application is asked", async () => open !== undefined);
  open?.();
  for (const [code] of await Promise.all(asked)) assert.equal(code, 200);
  assert.ok(seen.length < asked.length, `${seen.length} questions for ${asked.length} askers`);
});

test("a preStop hook waits until the sidecar has drained, and gets its answer", async () => {
  let settled = false;
  const hook = probe("/drained").finally(() => (settled = true));
  assert.equal((await probe("/probes/app/livenessProbe"))[0], 200);
  assert.equal(settled, false);
  const ended = sidecar.stop();
  assert.deepEqual(await hook, [200, "the sidecar has drained\n"]);
  assert.equal(await ended, 0);
});
