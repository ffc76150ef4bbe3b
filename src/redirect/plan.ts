/**
 * What is to be redirected in the pod's network namespace: each backend port goes to its own listener, everything else
 * passes. Only arriving packets are touched (PREROUTING), so loopback and whatever the pod itself sends, the sidecar's
 * own leg to the application included, is never redirected and no rule about its uid is needed.
 */
import { parseAddress, parseRange } from "../policy/address/address.ts";
import { isLoopback } from "../policy/address/loopback.ts";

/** One redirected port. REDIRECT keeps the source address, which is what the decision is made of. */
export interface Redirect {
  /** Port that clients connect to. */
  readonly port: number;
  /** Port that Postern listens on in the same namespace. */
  readonly to: number;
  /** Address that Postern listens on; absent: every address. */
  readonly listenHost?: string;
}

export interface RedirectPlan {
  readonly redirects: readonly Redirect[];
  /** Interfaces whose arriving traffic is not redirected. */
  readonly excludedInterfaces: readonly string[];
  /** Addresses or ranges whose traffic is not redirected, e.g. the node's, for the kubelet's probes. */
  readonly excludedSources: readonly string[];
}

/** What is known of the place where the plan would be applied. */
export interface RedirectSite {
  /** Port of the admin and health listeners, and of anything else that must stay reachable as it is. */
  readonly reservedPorts: readonly number[];
  /** What shows that this is the node's own network namespace (`hostNetwork: true`); absent in a pod's. */
  readonly hostNetwork?: string;
}

// Linux: IFNAMSIZ is 16 with the terminating NUL; a slash or white space is not allowed, and quotes would end the nft string.
const INTERFACE_NAME = /^[^\s/"\\;{}]{1,15}$/;

/** Family of an excluded source; `undefined` for what is neither an address nor a range. */
export function sourceFamily(source: string): 4 | 6 | undefined {
  const family = source.includes("/") ? parseRange(source)?.family : parseAddress(source)?.family;
  // Packets never carry an IPv4-mapped address, and the rule programs take none.
  return family === 4 && source.includes(":") ? undefined : family;
}

/** Every reason not to apply the plan there; empty when it is safe. Each says what to change. */
export function planProblems(plan: RedirectPlan, site: RedirectSite): readonly string[] {
  const problems: string[] = [];
  if (site.hostNetwork !== undefined)
    problems.push(
      `this is the node's own network namespace (${site.hostNetwork}): rules here would redirect the node's traffic; run in the pod's namespace, without hostNetwork`,
    );
  if (plan.redirects.length === 0)
    problems.push("no port to redirect: give at least one --backend port=N,listen=ADDR:PORT");
  problems.push(...redirectProblems(plan.redirects, site.reservedPorts));
  for (const name of plan.excludedInterfaces)
    if (!INTERFACE_NAME.test(name))
      problems.push(`'${name}' is not an interface name: expected up to 15 characters without space, quote or slash`);
  for (const source of plan.excludedSources)
    if (sourceFamily(source) === undefined)
      problems.push(`'${source}' is not an address or range: expected 10.0.0.1, 10.0.0.0/8, fd00::1 or fd00::/8`);
  return problems;
}

function redirectProblems(redirects: readonly Redirect[], reservedPorts: readonly number[]): readonly string[] {
  const problems: string[] = [];
  const listeners = new Set(redirects.map((redirect) => redirect.to));
  const redirected = new Set<number>();
  for (const { port, to, listenHost } of redirects) {
    if (listenHost !== undefined && isLoopback(listenHost))
      problems.push(
        `port ${port} would be redirected to a listener on ${listenHost}: redirected connections arrive at the pod's own address, not at loopback; listen on [::]:${to}`,
      );
    if (redirected.has(port)) problems.push(`port ${port} is redirected twice: name each backend port once`);
    redirected.add(port);
    if (port === to)
      problems.push(
        `port ${port} would be redirected to itself: the listener needs a port of its own, e.g. listen=[::]:${suggestedListener(port)}`,
      );
    else if (listeners.has(port))
      problems.push(
        `port ${port} is a listener of another backend: redirecting it would chain one redirect into another`,
      );
    if (reservedPorts.includes(port))
      problems.push(
        `port ${port} is excluded (an admin or health port, or named by --exclude-port): redirecting it would cut off whoever needs it as it is`,
      );
  }
  if (listeners.size < redirected.size)
    problems.push("two backend ports share one listener: each needs its own, or one port's rule would guard both");
  return problems;
}

/** What to know before the plan is in force, although nothing forbids it. */
export function planNotes(plan: RedirectPlan): readonly string[] {
  const notes = plan.redirects.flatMap(({ port, to, listenHost }) =>
    listenHost === undefined || parseAddress(listenHost)?.family !== 4
      ? []
      : [
          `port ${port} is redirected for IPv6 too, and nobody listens there on ${listenHost}: listen on [::]:${to} to serve both`,
        ],
  );
  if (plan.excludedSources.length > 0)
    notes.push(
      `${plan.excludedSources.join(", ")} reach${plan.excludedSources.length === 1 ? "es" : ""} the application past Postern: whoever is masqueraded to such an address does too`,
    );
  return notes;
}

function suggestedListener(port: number): number {
  return port <= 50_535 ? 15_000 + port : port - 15_000;
}
