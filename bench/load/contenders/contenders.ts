/** All of them, in the order in which they are measured. */
import type { Contender } from "./contender.ts";
import { ENVOYS } from "./envoy.ts";
import { GHOSTUNNEL } from "./ghostunnel.ts";
import { HAPROXIES } from "./haproxy.ts";
import { HTTP_PROXY } from "./http-proxy.ts";
import { NGINX } from "./nginx.ts";
import { posterns, resumingPosterns, type PosternBuild } from "./postern.ts";

/**
 * @param only names or families; all when empty
 * @throws when one of them is unknown
 */
export function contenders(builds: readonly PosternBuild[], only: readonly string[]): readonly Contender[] {
  return selected([...posterns(builds), NGINX, ...HAPROXIES, ...ENVOYS, GHOSTUNNEL, HTTP_PROXY], only);
}

/** Those whose connections are compared: nobody logs, and Postern resumes sessions in a process of its own. */
export function handshakeContenders(builds: readonly PosternBuild[], only: readonly string[]): readonly Contender[] {
  const silent = [...posterns(builds), NGINX, ...HAPROXIES, ...ENVOYS, GHOSTUNNEL].filter(
    ({ family }) => !family.endsWith("-log"),
  );
  return selected([...silent, ...resumingPosterns(builds)], only);
}

function selected(all: readonly Contender[], only: readonly string[]): readonly Contender[] {
  const known = new Set(all.flatMap(({ name, family }) => [name, family]));
  const unknown = only.filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new Error(`--only names ${unknown.join(", ")}; expected one of ${[...known].join(", ")}`);
  return all.filter(({ name, family }) => only.length === 0 || only.includes(name) || only.includes(family));
}
