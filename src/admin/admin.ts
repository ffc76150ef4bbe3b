/**
 * What operators may ask a running sidecar. The admin port shows policies and connections and stays on loopback; the
 * health port shows neither, answers probes for the application, and may be reached by the kubelet and Prometheus.
 */
import { setTimeout as delay } from "node:timers/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setImmediate as immediate } from "node:timers/promises";
import { addressText, type SocketAddress } from "../config/config.ts";
import type { AdminSubject } from "./subject.ts";
import { explainPage } from "./explain-page.ts";
import { readyPage } from "./health-pages.ts";
import type { AdminMetrics } from "./metrics.ts";
import type { Page } from "./page.ts";
import { peersPage } from "./peers-page.ts";
import type { ProbeAnswer } from "./probes/question.ts";
import { probePages } from "./probes/probe-pages.ts";
import { snapshotPage } from "./snapshot-page.ts";
import { statusPage } from "./status-page.ts";

/** The figures of the event loop are NaN until its first sample, which comes within 10 ms. */
const FIRST_SAMPLES_MS = 50;

/** The kubelet takes every status below 400 for healthy. */
function probePage({ healthy, words }: ProbeAnswer): Page {
  return { status: healthy ? 200 : 503, body: `${words}\n` };
}

interface Asked {
  readonly method: "GET" | "HEAD";
  /** A browser asks: it takes HTML, which no script asks for by itself. */
  readonly forPeople: boolean;
}

type Route = (query: URLSearchParams, asked: Asked) => Page | Promise<Page>;

export interface AdminServers {
  /** Where the admin port was bound: port 0 lets the kernel choose. */
  readonly admin: SocketAddress;
  close(): Promise<void>;
}

/** The admin address cannot be had. */
export class AdminError extends Error {
  override readonly name = "AdminError";
}

/** @throws AdminError naming the flag and address that cannot be bound */
export async function startAdmin(subject: AdminSubject): Promise<AdminServers> {
  // Loaded for the first scrape, so that no start waits for it: figures of the event loop begin there.
  let loading: Promise<AdminMetrics> | undefined;
  const loadMetrics = async (): Promise<AdminMetrics> => {
    const metrics = new (await import("./metrics.ts")).AdminMetrics(subject);
    await delay(FIRST_SAMPLES_MS);
    return metrics;
  };
  const health: Readonly<Record<string, Route>> = {
    "/livez": () => ({ status: 200, body: { live: true } }),
    "/readyz": () => readyPage(subject, false),
    "/metrics": async () => {
      loading ??= loadMetrics();
      const metrics = await loading.catch((error: unknown) => {
        // The next scrape tries again.
        loading = undefined;
        throw error;
      });
      return { status: 200, body: await metrics.text(), contentType: metrics.contentType };
    },
  };
  const all: Readonly<Record<string, Route>> = {
    ...health,
    "/readyz": () => readyPage(subject, true),
    "/": () => statusPage(subject),
    "/snapshot": (query) => snapshotPage(subject.state, query),
    "/connections": async () => {
      const { told = [], silent = [] } = (await subject.dataPlane?.connections()) ?? {};
      return { status: 200, body: { silentThreads: silent, connections: told } };
    },
    "/peers": () => peersPage(subject),
    "/explain": (query, { forPeople }) => explainPage(subject.state, query, forPeople),
  };
  const { admin, health: healthAddress } = subject.config;
  const servers = [await listen("--admin", admin, all, true)];
  if (healthAddress !== undefined) {
    const answers = Object.entries(probePages(subject.config, subject)).map(([path, page]): [string, Route] => [
      path,
      async (_query, { method }) =>
        method === "GET" ? probePage(await page()) : { status: 405, body: "only GET\n", allow: "GET" },
    ]);
    servers.push(await listen("--health", healthAddress, { ...health, ...Object.fromEntries(answers) }, false));
  }
  const bound = servers[0]?.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : admin.port;
  subject.log.info({ admin: { ...admin, port }, health: healthAddress }, "admin listens");
  return {
    admin: { host: admin.host, port },
    close: async () => {
      // What a drain has just settled is answered first.
      await immediate();
      await Promise.all(servers.map(close));
    },
  };
}

function listen(
  flag: string,
  address: SocketAddress,
  routes: Readonly<Record<string, Route>>,
  loopbackOnly: boolean,
): Promise<Server> {
  const server = createServer(
    { keepAliveTimeout: 5_000, headersTimeout: 5_000, requestTimeout: 10_000 },
    (request, response) => {
      void respond(request, response, routes, loopbackOnly);
    },
  );
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new AdminError(
          `cannot listen on ${flag} ${addressText(address)}: ${error.code ?? error.message}; choose a free address`,
          { cause: error },
        ),
      );
    });
    server.listen({ ...address }, () => resolve(server));
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  routes: Readonly<Record<string, Route>>,
  loopbackOnly: boolean,
): Promise<void> {
  const page = await pageFor(request, routes, loopbackOnly);
  const json = typeof page.body !== "string";
  const body = typeof page.body === "string" ? page.body : `${JSON.stringify(page.body, undefined, 2)}\n`;
  response.writeHead(page.status, {
    "content-type": page.contentType ?? (json ? "application/json" : "text/plain; charset=utf-8"),
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...page.headers,
    ...(page.status === 405 && { allow: page.allow ?? "GET, HEAD" }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function pageFor(
  request: IncomingMessage,
  routes: Readonly<Record<string, Route>>,
  loopbackOnly: boolean,
): Promise<Page> {
  if (request.method !== "GET" && request.method !== "HEAD") return { status: 405, body: "only GET and HEAD\n" };
  // A page in a browser must not read the port through a name that it makes resolve to loopback (DNS rebinding).
  if (loopbackOnly && !isLoopbackHost(request.headers.host ?? ""))
    return { status: 403, body: "the Host header must name a loopback address\n" };
  const [path = "/", query = ""] = (request.url ?? "/").split("?", 2);
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
  if (route === undefined) return { status: 404, body: `no such page; there are ${Object.keys(routes).join(", ")}\n` };
  try {
    const forPeople = /\btext\/html\b/.test(request.headers.accept ?? "");
    return await route(new URLSearchParams(query), { method: request.method, forPeople });
  } catch (error) {
    return { status: 500, body: `${error instanceof Error ? error.message : String(error)}\n` };
  }
}

function isLoopbackHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host);
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
