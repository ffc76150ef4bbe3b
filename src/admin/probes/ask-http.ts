/** The kubelet's httpGet (pkg/probe/http): any answer from 200 to 399 is healthy, and no certificate is checked. */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { SocketAddress } from "../../config/config.ts";
import type { ProbeAnswer, Question } from "./question.ts";

/** Redirects are not followed: only what was declared is asked. */
export function askHttp(
  { path, tls, headers }: Question & { readonly kind: "http" },
  { host, port }: SocketAddress,
  timer: AbortSignal,
): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    const options = {
      host,
      port,
      path,
      method: "GET",
      agent: false,
      signal: timer,
      headers: fieldsOf(headers),
    } as const;
    const onResponse = (response: IncomingMessage): void => {
      const { statusCode = 0 } = response;
      // The body may never end; what it says stays here.
      response.on("error", () => undefined).destroy();
      resolve({ healthy: statusCode >= 200 && statusCode < 400, words: `the application answered ${statusCode}` });
    };
    const request = tls
      ? httpsRequest({ ...options, rejectUnauthorized: false }, onResponse)
      : httpRequest(options, onResponse);
    request.on("error", reject).end();
  });
}

/** Those of the probe win; a name that stands twice is sent twice. */
function fieldsOf(headers: readonly (readonly [string, string])[]): Record<string, string | string[]> {
  const fields: Record<string, string | string[]> = { "user-agent": "kube-probe/postern", accept: "*/*" };
  const given = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    given.set(key, [...(given.get(key) ?? []), value]);
  }
  // Node takes one Host.
  for (const [name, values] of given)
    fields[name] = values.length === 1 || name === "host" ? (values[0] ?? "") : values;
  return { ...fields, connection: "close" };
}
