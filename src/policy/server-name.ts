/**
 * `sniHosts`: which server names a client may ask for. Names are compared without regard to case (RFC 6066 section 3);
 * `*.example.com` stands for any depth below, never for `example.com` itself (Envoy's filter-chain rule).
 */
import type { SniSet } from "./snapshot.ts";

const LABELS = /^(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;

/** What is wrong with a pattern, or `undefined`. Partial wildcards and a bare `*` made OSM's Envoy reject the whole listener. */
export function patternProblem(pattern: string): string | undefined {
  const name = (pattern.startsWith("*.") ? pattern.slice(2) : pattern).toLowerCase();
  if (name.length <= 253 && LABELS.test(name)) return undefined;
  if (pattern === "") return "Invalid 'tls.sniHosts' value ''. Leave sniHosts out where every server name is good";
  return `Invalid 'tls.sniHosts' value '${pattern}'. Expected a host name such as 'app.example.com' or a wildcard for whole labels such as '*.example.com'`;
}

/** @param patterns every one of them free of problems */
export function buildSniSet(patterns: readonly string[]): SniSet {
  const lower = patterns.map((pattern) => pattern.toLowerCase());
  return {
    exact: new Set(lower.filter((pattern) => !pattern.startsWith("*."))),
    suffixes: [
      ...new Set(lower.filter((pattern) => pattern.startsWith("*.")).map((pattern) => pattern.slice(1))),
    ].sort(),
  };
}

/** A trailing dot or an empty label makes it another name: RFC 6066 sends none. */
export function matchServerName(set: SniSet, name: string): boolean {
  const lower = name.toLowerCase();
  if (set.exact.has(lower)) return true;
  return set.suffixes.some(
    (suffix) => lower.length > suffix.length && lower.endsWith(suffix) && !lower.startsWith("."),
  );
}
