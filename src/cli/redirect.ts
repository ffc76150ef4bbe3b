/** `postern redirect`: brings arriving connections to Postern's listeners, in the pod's network namespace. */
import { wordsOfFailure } from "../files/words-of-failure.ts";
import { readTextFile } from "../files/read-text.ts";
import { applyPlan, RedirectError, findRedirectTools, removePlan, type RedirectTool } from "../redirect/apply.ts";
import { iptablesDocument } from "../redirect/iptables.ts";
import { nftRuleset } from "../redirect/nftables.ts";
import { planNotes, planProblems, type RedirectPlan } from "../redirect/plan.ts";
import { podProbes, type PodProbes } from "../redirect/probes.ts";
import { hostNetworkSign } from "../redirect/site.ts";
import { envName } from "../config/settings.ts";
import { readBackend, readChoice, readPort, Unusable } from "../config/values.ts";
import { readManifest } from "../discovery/manifests/documents.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";

export const REDIRECT: CommandSpec = {
  name: "redirect",
  summary:
    "Brings what arrives at the backend ports to Postern's listeners: nftables or iptables rules, IPv4 and IPv6.",
  usage: [
    "redirect --print|--apply --backend port=80,listen=[::]:15080... [--exclude-source IP|CIDR]... [--pod FILE]",
    "redirect --remove",
  ],
  flags: [
    { name: "print", help: "write the rules to stdout and change nothing" },
    { name: "apply", help: "put the rules in force; again changes nothing (needs CAP_NET_ADMIN)" },
    { name: "remove", help: "take the rules away; nothing happens where there are none (needs CAP_NET_ADMIN)" },
    { name: "backend", value: "SPEC", repeatable: true, help: "as for 'postern run': port=80[,listen=[::]:15080]..." },
    {
      name: "exclude-source",
      value: "IP|CIDR",
      repeatable: true,
      help: "is not redirected, e.g. the node's address for the kubelet's probes",
    },
    { name: "exclude-interface", value: "NAME", repeatable: true, help: "what arrives there is not redirected" },
    { name: "exclude-port", value: "N", repeatable: true, help: "must never be redirected, e.g. the health port" },
    { name: "pod", value: "FILE", help: "manifest of the pod: warns when the kubelet probes a redirected port" },
    { name: "pod-ip", value: "IP[,IP]", help: "addresses of this pod (POD_IPS, else POD_IP)" },
    { name: "node-ip", value: "IP", help: "address of its node (NODE_IP): refuses when the pod has the same" },
    { name: "tool", value: "TOOL", help: "nft or iptables (nft where it is installed)" },
  ],
  notes: `Only arriving connections to the backend ports are touched. Loopback and whatever the pod itself sends pass, so the
sidecar's own leg to the application is never redirected; every other port passes too. The client's address survives.
Connections that are open already stay as they are: apply before the application starts, e.g. in an init container.
Flags may come as environment variables (${envName("backend")}), lists separated by ;.
Exit code: 0 done, 1 refused or failed, 2 usage.`,
};

/** What the downward API usually sets, the first that is given. */
const DOWNWARD_VARIABLES: ReadonlyMap<string, readonly string[]> = new Map([
  ["pod-ip", ["POD_IPS", "POD_IP"]],
  ["node-ip", ["NODE_IP"]],
]);
const isGiven = (text: string | undefined): boolean => text !== undefined && text !== "";

const ADMIN_PORT = 15_000;
const ACTIONS = ["print", "apply", "remove"] as const;
type Action = (typeof ACTIONS)[number];
type Values = ReadonlyMap<string, readonly string[]>;

interface Order {
  readonly action: Action;
  readonly plan: RedirectPlan;
  readonly reservedPorts: readonly number[];
  readonly tool?: RedirectTool;
  readonly pod?: string;
  readonly podIps: readonly string[];
  readonly nodeIp?: string;
}

export async function runRedirect(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems, help } = parseFlags(REDIRECT, argv);
  if (help) {
    io.stdout(helpText(REDIRECT));
    return EXIT.ok;
  }
  const order = readOrder(withEnvironment(values, io.env), problems);
  if ("problems" in order) {
    io.printError(usageError(REDIRECT, order.problems));
    return EXIT.usage;
  }
  try {
    return order.action === "remove" ? await remove(order, io) : await printOrApply(order, io);
  } catch (error) {
    if (!(error instanceof RedirectError)) throw error;
    const lines = error.message.trimEnd().split("\n");
    io.printError(lines.map((line) => `postern redirect: ${line}`));
    return EXIT.failed;
  }
}

async function printOrApply(order: Order, io: CliIo): Promise<number> {
  const { action, plan, reservedPorts, pod } = order;
  const probes = pod === undefined ? undefined : await readPod(pod);
  const hostNetwork =
    probes?.hostNetwork === true
      ? "the pod's manifest says hostNetwork: true"
      : action === "apply"
        ? await hostNetworkSign(order)
        : undefined;
  const problems = planProblems(plan, { reservedPorts, ...(hostNetwork !== undefined && { hostNetwork }) });
  for (const problem of problems) io.printError(`postern redirect: ${problem}`);
  if (problems.length > 0) return EXIT.failed;
  for (const note of [...planNotes(plan), ...probeWarnings(plan, probes)])
    io.printError(`postern redirect: note: ${note}`);
  if (action === "print") {
    io.stdout(printed(plan, order.tool ?? "nft"));
    return EXIT.ok;
  }
  const tool = order.tool ?? (await findRedirectTools())[0];
  await applyPlan(plan, tool);
  const ports = plan.redirects.map(({ port, to }) => `${port} to ${to}`).join(", ");
  io.print(`redirected with ${tool}, IPv4 and IPv6: ${ports}`);
  return EXIT.ok;
}

/** Whatever made them: rules of either program would go on redirecting. */
async function remove({ tool }: Order, io: CliIo): Promise<number> {
  for (const each of tool === undefined ? await findRedirectTools() : [tool]) await removePlan(each);
  io.print("no port is redirected");
  return EXIT.ok;
}

function printed(plan: RedirectPlan, tool: RedirectTool): string {
  if (tool === "nft") return nftRuleset(plan);
  const family = (name: string, version: 4 | 6): string =>
    `# ${name} --noflush\n${iptablesDocument(plan, version, false)}`;
  return `${family("iptables-restore", 4)}${family("ip6tables-restore", 6)}`;
}

async function readPod(file: string): Promise<PodProbes> {
  const text = await readTextFile(file).catch((error: unknown) => {
    throw new RedirectError(`--pod ${file} cannot be read: ${wordsOfFailure(error)}`);
  });
  const manifest = readManifest(file, text);
  if ("fault" in manifest) throw new RedirectError(`--pod ${file}:${manifest.fault.line}: ${manifest.fault.message}`);
  const pods = manifest.objects.flatMap((object) => podProbes(object.value) ?? []);
  if (pods.length !== 1)
    throw new RedirectError(`--pod ${file} holds ${pods.length} pods; expected one Pod, or one object with a template`);
  return pods[0] ?? { probes: [], hostNetwork: false };
}

function probeWarnings(plan: RedirectPlan, pod: PodProbes | undefined): readonly string[] {
  if (plan.excludedSources.length > 0) return [];
  return (pod?.probes ?? [])
    .filter(({ port }) => plan.redirects.some((redirect) => redirect.port === port))
    .map(
      ({ port, container, kind }) =>
        `the ${kind} of container ${container} asks at the redirected port ${port}: the kubelet's probes come from the node, which no policy lists, and will fail; exempt the node with --exclude-source (status.hostIP), or probe the sidecar's --health port`,
    );
}

function withEnvironment(values: Values, env: CliIo["env"]): Values {
  const all = new Map(values);
  for (const { name, value, repeatable } of REDIRECT.flags) {
    const text =
      env[envName(name)] ??
      DOWNWARD_VARIABLES.get(name)
        ?.map((variable) => env[variable])
        .find(isGiven);
    if (value === undefined || text === undefined || text === "" || all.has(name)) continue;
    all.set(name, repeatable === true ? text.split(";").map((part) => part.trim()) : [text]);
  }
  return all;
}

function readOrder(values: Values, found: readonly string[]): Order | { readonly problems: readonly string[] } {
  const problems = [...found];
  const [action, ...more] = ACTIONS.filter((name) => values.has(name));
  if (action === undefined || more.length > 0) problems.push("give one of --print, --apply and --remove");
  const each = <Value>(name: string, read: (text: string) => Value | Unusable): readonly Value[] =>
    (values.get(name) ?? []).flatMap((text) => {
      const value = read(text);
      if (!(value instanceof Unusable)) return [value];
      problems.push(`--${name} has the value '${text}'; expected ${value.expected}`);
      return [];
    });
  const backends = each("backend", readBackend);
  const excludedPorts = each("exclude-port", readPort);
  const [tool] = each("tool", readChoice<RedirectTool>(["nft", "iptables"]));
  if (action !== undefined && action !== "remove" && !values.has("backend")) problems.push("--backend is missing");
  if (action === undefined || problems.length > 0) return { problems };
  const [pod] = values.get("pod") ?? [];
  const podIps = (values.get("pod-ip") ?? []).flatMap((text) => text.split(",").map((part) => part.trim()));
  const [nodeIp] = values.get("node-ip") ?? [];
  return {
    action,
    plan: {
      redirects: backends.map(({ port, listen }) => ({ port, to: listen.port, listenHost: listen.host })),
      excludedInterfaces: values.get("exclude-interface") ?? [],
      excludedSources: values.get("exclude-source") ?? [],
    },
    reservedPorts: [ADMIN_PORT, ...excludedPorts],
    ...(tool !== undefined && { tool }),
    ...(pod !== undefined && { pod }),
    podIps,
    ...(nodeIp !== undefined && { nodeIp }),
  };
}
