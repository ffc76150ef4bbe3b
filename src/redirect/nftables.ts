/** The plan as one nft transaction. `inet` covers IPv4 and IPv6 with the same rules. */
import { type RedirectPlan, sourceFamily } from "./plan.ts";

const TABLE = "postern";

/**
 * A ruleset for `nft -f -`. It is one transaction: the table is declared (so that the delete cannot fail), deleted and
 * made anew. Applying it twice changes nothing, and there is no moment without rules.
 */
export function nftRuleset(plan: RedirectPlan): string {
  const passes = [
    'iifname "lo" return',
    ...list(
      "iifname",
      plan.excludedInterfaces.map((name) => `"${name}"`),
    ),
    ...list(
      "ip saddr",
      plan.excludedSources.filter((source) => sourceFamily(source) === 4),
    ),
    ...list(
      "ip6 saddr",
      plan.excludedSources.filter((source) => sourceFamily(source) === 6),
    ),
  ];
  const redirects = plan.redirects.map(({ port, to }) => `tcp dport ${port} redirect to :${to}`);
  return [
    `table inet ${TABLE}`,
    `delete table inet ${TABLE}`,
    `table inet ${TABLE} {`,
    "  chain inbound {",
    "    type nat hook prerouting priority dstnat; policy accept;",
    ...[...passes, ...redirects].map((rule) => `    ${rule}`),
    "  }",
    "}",
    "",
  ].join("\n");
}

/** Removes the table; does nothing where there is none. */
export function nftRemoval(): string {
  return `table inet ${TABLE}\ndelete table inet ${TABLE}\n`;
}

// Overlapping ranges are refused in an anonymous set, so each element gets a rule of its own.
function list(match: string, values: readonly string[]): readonly string[] {
  return values.map((value) => `${match} ${value} return`);
}
