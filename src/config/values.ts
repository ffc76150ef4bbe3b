/** Texts of flags, environment and files as values. Every reader is total: a value, or what was expected. */
import type { BackendConfig, SocketAddress } from "./config.ts";
import { parseAddress } from "../policy/address/address.ts";
import { backendPort } from "../policy/model.ts";

/** A value that cannot be used. */
export class Unusable {
  readonly expected: string;

  constructor(expected: string) {
    this.expected = expected;
  }
}

export type Read<Value> = Value | Unusable;

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const UNITS_BYTES: Readonly<Record<string, number>> = { "": 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** What `readDuration` takes, in words. */
export const DURATION_UNITS = "in ms, s, m or h; at most 24 days";

/** `10s`, `250ms`, `5m`, `1h`, or `0` and `off` for none. In milliseconds. */
export function readDuration(text: string): Read<number> {
  if (text === "0" || text === "off") return 0;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const value = Number(digits) * (UNITS_MS[unit ?? ""] ?? Number.NaN);
  // setTimeout takes no more than 2^31 - 1.
  return Number.isFinite(value) && value <= 2 ** 31 - 1
    ? Math.round(value)
    : new Unusable(`a duration such as 250ms, 10s, 5m or 1h (${DURATION_UNITS}), or 0 for off`);
}

/** `61440`, `60KiB`, `1MiB`. */
export function readBytes(text: string): Read<number> {
  const [, digits, unit] = /^(\d+)(B|KiB|MiB|GiB)?$/.exec(text) ?? [];
  const value = Number(digits) * (UNITS_BYTES[unit ?? ""] ?? Number.NaN);
  return Number.isSafeInteger(value) ? value : new Unusable("a size such as 61440, 60KiB or 1MiB");
}

export function readCount(text: string): Read<number> {
  return /^\d{1,9}$/.test(text) ? Number(text) : new Unusable("a whole number");
}

/** `0`, `0.01`, `1`. */
export function readRatio(text: string): Read<number> {
  const ratio = /^(?:\d+|\d*\.\d+)$/.test(text) ? Number(text) : Number.NaN;
  return ratio >= 0 && ratio <= 1 ? ratio : new Unusable("a share from 0 to 1, such as 0.01");
}

/** `http://collector:4318`, without its last slash. */
export function readHttpUrl(text: string): Read<string> {
  const url = URL.parse(text);
  return url !== null && (url.protocol === "http:" || url.protocol === "https:")
    ? text.replace(/\/+$/, "")
    : new Unusable("a URL such as http://127.0.0.1:4318");
}

export function readPort(text: string): Read<number> {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : new Unusable("a port from 1 to 65535");
}

export function readBoolean(text: string): Read<boolean> {
  if (text === "" || text === "true") return true;
  return text === "false" ? false : new Unusable("true or false");
}

export function readChoice<Choice extends string>(choices: readonly Choice[]): (text: string) => Read<Choice> {
  return (text) => choices.find((choice) => choice === text) ?? new Unusable(`one of ${choices.join(", ")}`);
}

/** `127.0.0.1:80`, `[::]:15080`; port 0 lets the kernel choose. */
export function readSocketAddress(text: string): Read<SocketAddress> {
  const [, bracketed, plain, digits = ""] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535)
    return new Unusable("an address with port such as 127.0.0.1:80 or [::]:15080");
  return { host, port };
}

/** Longest path of a socket, bytes (`sun_path` of unix(7), its NUL left out). */
const LONGEST_SOCKET_PATH = 107;

/** `unix:///run/agent.sock`, as SPIFFE_ENDPOINT_SOCKET is written (SPIFFE Workload Endpoint section 4); the path comes back. */
export function readUnixSocket(text: string): Read<string> {
  const path = /^unix:(?:\/\/)?(\/[^?#\0]+)$/.exec(text)?.[1];
  return path !== undefined && Buffer.byteLength(path) <= LONGEST_SOCKET_PATH
    ? path
    : new Unusable("a unix socket by its absolute path of at most 107 bytes, such as unix:///run/spire/agent.sock");
}

/** `10.0.0.1`, or one of each family as `status.podIPs` has them: `10.0.0.1,fd00::1`. */
export function readAddresses(text: string): Read<readonly string[]> {
  const addresses = text.split(",").map((part) => part.trim());
  if (addresses.every((address) => parseAddress(address) !== undefined)) return addresses;
  return new Unusable("an address such as 10.0.0.1, or several separated by commas");
}

const BACKEND_SYNTAX = "port=N[,listen=ADDR:PORT][,app=ADDR:PORT][,forward=http|h2c|stream]";

/** One `--backend` value. */
export function readBackend(text: string): Read<BackendConfig> {
  const fields = new Map<string, string>();
  for (const part of text.split(",")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(0, equals)).trim();
    if (!["port", "listen", "app", "forward"].includes(name))
      return new Unusable(`${BACKEND_SYNTAX}; '${part}' is none of these`);
    if (fields.has(name)) return new Unusable(`${BACKEND_SYNTAX}; '${name}' is given twice`);
    fields.set(name, part.slice(equals + 1).trim());
  }
  const port = readPort(fields.get("port") ?? "");
  if (port instanceof Unusable) return new Unusable(`${BACKEND_SYNTAX}; port must be ${port.expected}`);
  const listenText = fields.get("listen");
  if (listenText === undefined && port + 15_000 > 65_535)
    return new Unusable(`${BACKEND_SYNTAX}; port ${port} has no default listener, name one with listen=`);
  const listen = readSocketAddress(listenText ?? `[::]:${port + 15_000}`);
  if (listen instanceof Unusable) return new Unusable(`listen= as ${listen.expected}`);
  if (listen.port === 0) return new Unusable("listen= with a port from 1 to 65535");
  const app = readSocketAddress(fields.get("app") ?? `127.0.0.1:${port}`);
  if (app instanceof Unusable) return new Unusable(`app= as ${app.expected}`);
  if (app.port === 0) return new Unusable("app= with a port from 1 to 65535");
  if (app.port === listen.port && reaches(listen.host, app.host))
    return new Unusable(
      `app= to differ from listen=: ${fields.get("app") ?? `127.0.0.1:${port}`} is Postern's own listener`,
    );
  const forward = fields.get("forward");
  if (forward !== undefined && forward !== "http" && forward !== "h2c" && forward !== "stream")
    return new Unusable("forward= as http, h2c or stream");
  return {
    port: backendPort(port),
    listen,
    ...(listenText === undefined && { listenByDefault: true as const }),
    app,
    ...(forward !== undefined && { forward }),
  };
}

function reaches(listenHost: string, appHost: string): boolean {
  return listenHost === appHost || listenHost === "::" || listenHost === "0.0.0.0";
}
