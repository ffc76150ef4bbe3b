/** The plan for hosts without nft: one iptables-restore document a family. */
import { type RedirectPlan, sourceFamily } from "./plan.ts";

export const CHAIN = "POSTERN_INBOUND";

/** The jump into our chain, as `iptables -t nat -C` takes it after the command. */
export const JUMP: readonly string[] = ["PREROUTING", "-p", "tcp", "-j", CHAIN];

/**
 * A document for `iptables-restore --noflush` (`ip6tables-restore` for family 6). Declaring the chain empties it, and a
 * document is applied as a whole, so applying twice changes nothing.
 *
 * @param jumpExists whether PREROUTING already jumps into the chain; a second jump would be a duplicate
 */
export function iptablesDocument(plan: RedirectPlan, family: 4 | 6, jumpExists: boolean): string {
  const passes = [
    `-A ${CHAIN} -i lo -j RETURN`,
    ...plan.excludedInterfaces.map((name) => `-A ${CHAIN} -i ${name} -j RETURN`),
    ...plan.excludedSources
      .filter((source) => sourceFamily(source) === family)
      .map((source) => `-A ${CHAIN} -s ${source} -j RETURN`),
  ];
  const redirects = plan.redirects.map(
    ({ port, to }) => `-A ${CHAIN} -p tcp --dport ${port} -j REDIRECT --to-ports ${to}`,
  );
  const jump = jumpExists ? [] : [`-A ${JUMP.join(" ")}`];
  return ["*nat", `:${CHAIN} - [0:0]`, ...passes, ...redirects, ...jump, "COMMIT", ""].join("\n");
}

/** What of ours a namespace has of one family. */
export interface IptablesState {
  /** Only where there is a chain. */
  readonly jumpExists: boolean;
  /** The chain's rules as `iptables -S` prints them; absent: there is no chain. */
  readonly rules?: readonly string[];
}

/** Takes back what `iptablesDocument` did there: the chain and the jump are what they were. */
export function iptablesUndo({ jumpExists, rules }: IptablesState): string {
  if (rules === undefined) return iptablesRemoval();
  const jump = jumpExists ? [] : [`-D ${JUMP.join(" ")}`];
  return ["*nat", `:${CHAIN} - [0:0]`, ...rules, ...jump, "COMMIT", ""].join("\n");
}

/** Takes jump and chain away; only for a namespace where both exist. */
export function iptablesRemoval(): string {
  return ["*nat", `-D ${JUMP.join(" ")}`, `-F ${CHAIN}`, `-X ${CHAIN}`, "COMMIT", ""].join("\n");
}
