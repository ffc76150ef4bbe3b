/**
 * The value of `--probes`: what the health port answers by asking the application, as JSON. Each key is a path at the
 * health port, each value a probe as Kubernetes writes it, with the port as a number:
 *
 *     {"/probes/app/readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "timeoutSeconds": 1}}
 *
 * `{"drained": {}}` answers when the sidecar has drained, for the application's preStop hook.
 */
import type { ProbeConfig } from "./config.ts";
import { Unusable, type Read } from "./values.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Kubernetes' own default (API reference, Probe). */
const DEFAULT_TIMEOUT_SECONDS = 1;
const LONGEST_TIMEOUT_SECONDS = 600;

const SYNTAX = 'JSON such as {"/probes/app/livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}}}';

export function readProbes(text: string): Read<readonly ProbeConfig[]> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return new Unusable(SYNTAX);
  }
  if (!isFields(value)) return new Unusable(SYNTAX);
  const probes: ProbeConfig[] = [];
  for (const [path, entry] of Object.entries(value)) {
    const probe = readProbe(path, entry);
    if (probe instanceof Unusable) return probe;
    probes.push(probe);
  }
  return probes;
}

function readProbe(path: string, entry: unknown): Read<ProbeConfig> {
  if (!/^\/(?:probes(?:\/[A-Za-z0-9.-]+)+|drained)$/.test(path))
    return new Unusable(`${SYNTAX}; '${path}' is no path for a probe: /probes/CONTAINER/KIND, or /drained`);
  if (!isFields(entry)) return new Unusable(`${SYNTAX}; '${path}' holds no probe`);
  const { timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, ...actions } = entry;
  if (!isWithin(timeoutSeconds, 1, LONGEST_TIMEOUT_SECONDS))
    return new Unusable(`timeoutSeconds of '${path}' from 1 to ${LONGEST_TIMEOUT_SECONDS}`);
  const [[name, asked] = [], ...more] = Object.entries(actions);
  const ask = more.length > 0 || !isFields(asked) ? undefined : readAsk(name, asked);
  return ask === undefined
    ? new Unusable(
        `one of httpGet, tcpSocket, grpc and drained for '${path}', with port (a number) and httpGet's path, scheme and httpHeaders or grpc's service`,
      )
    : { path, timeoutMs: timeoutSeconds * 1_000, ask };
}

function readAsk(name: string | undefined, asked: Fields): ProbeConfig["ask"] | undefined {
  if (name === "drained") return Object.keys(asked).length === 0 ? { kind: "drained" } : undefined;
  const { port, ...rest } = asked;
  if (!isWithin(port, 1, 65_535)) return undefined;
  switch (name) {
    case "httpGet":
      return readHttp(port, rest);
    case "tcpSocket":
      return hasOnly(rest, ["host"]) ? { kind: "tcp", port } : undefined;
    case "grpc": {
      const service = rest["service"] ?? "";
      return hasOnly(rest, ["service"]) && typeof service === "string" && service.length <= 1_000
        ? { kind: "grpc", port, service }
        : undefined;
    }
    default:
      return undefined;
  }
}

function readHttp(port: number, rest: Fields): ProbeConfig["ask"] | undefined {
  // Kubernetes API reference, HTTPGetAction: `scheme` is HTTP unless told, a path without its slash gets one.
  const { path = "/", scheme = "HTTP", httpHeaders = [] } = rest;
  if (!hasOnly(rest, ["path", "scheme", "httpHeaders", "host"])) return undefined;
  if (typeof path !== "string") return undefined;
  if ((scheme !== "HTTP" && scheme !== "HTTPS") || !Array.isArray(httpHeaders)) return undefined;
  const headers = (httpHeaders as readonly unknown[]).flatMap((header) => (isHeader(header) ? [header] : []));
  if (headers.length !== httpHeaders.length) return undefined;
  return {
    kind: "http",
    port,
    path: (path.startsWith("/") ? path : `/${path}`).toWellFormed().replace(/[^\x21-\x7e]/gu, encodeURIComponent),
    tls: scheme === "HTTPS",
    // Sent as UTF-8, as Go does; Node writes one byte a character.
    headers: headers.map(({ name, value = "" }) => [name, Buffer.from(value).toString("latin1")] as const),
  };
}

/** What no request can carry fails the probe, as it does the kubelet's own: a start that fails would close the pod. */
function isHeader(value: unknown): value is { readonly name: string; readonly value?: string } {
  if (!isFields(value) || !hasOnly(value, ["name", "value"])) return false;
  const { name, value: content = "" } = value;
  return typeof name === "string" && typeof content === "string";
}

/** `host` is taken as it stands in a probe that names none: empty. */
function hasOnly(fields: Fields, keys: readonly string[]): boolean {
  return (
    Object.keys(fields).every((key) => keys.includes(key)) && (fields["host"] === undefined || fields["host"] === "")
  );
}

function isWithin(value: unknown, least: number, most: number): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
