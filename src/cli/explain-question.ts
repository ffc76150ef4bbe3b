/** What `postern explain` is asked: its flags as one question, or everything that is wrong with them. Pure. */
import { serviceNameProblem } from "../config/service-name.ts";
import { isAddressOrRange } from "../policy/address/node-addresses.ts";
import { QUESTION_NAMES, readPeerQuestion, type PeerQuestion } from "../policy/explain/question.ts";
import type { CommandSpec } from "./flags.ts";

export const EXPLAIN: CommandSpec = {
  name: "explain",
  summary: "Says what one caller would get, and why: by the same code that judges connections.",
  usage: [
    "explain --manifests DIR --namespace NS --service NAME --port N --from IP [--tls [--sni NAME] [--san dns:NAME|uri:URI]... [--no-cert]] [--json]",
    "explain --kubeconfig FILE --namespace NS --service NAME --port N --from IP ...",
    "explain --admin URL --port N --from IP ...",
    "explain --replay FILE|URL|- --manifests DIR [--kubeconfig FILE] [--namespace NS] [--service NAME]... [--json]",
  ],
  flags: [
    { name: "manifests", value: "DIR", help: "directory with the policies and endpoints" },
    {
      name: "kubeconfig",
      value: "FILE",
      help: "judge by a cluster; with --manifests, by its endpoints and the IngressBackends of DIR in place of its own",
    },
    {
      name: "admin",
      value: "URL",
      help: "ask a running sidecar, e.g. http://127.0.0.1:15000 of a kubectl port-forward",
    },
    {
      name: "replay",
      value: "FILE|URL",
      help: "judge the callers that a sidecar remembers: its /peers as a file, or its admin port",
    },
    { name: "namespace", value: "NS", help: "namespace of the pod (default)" },
    { name: "service", value: "NAME", repeatable: true, help: "Service that the pod backs" },
    { name: "pod-name", value: "NAME", help: "of the pod, where policies name it: foo-1 of foo-1.foo" },
    { name: "port", value: "N", help: "backend port: the target port, as in the policy" },
    { name: "from", value: "IP", help: "source address of the caller" },
    { name: "tls", help: "the caller speaks TLS; without --san its certificate is verified and carries no name" },
    { name: "sni", value: "NAME", help: "server name that the caller asks for" },
    {
      name: "san",
      value: "TYPE:NAME",
      repeatable: true,
      help: "name in its verified certificate: dns:NAME or uri:URI",
    },
    { name: "no-cert", help: "the caller shows no certificate, over TLS" },
    { name: "mesh-name", value: "NAME", help: "source namespaces must carry openservicemesh.io/monitored-by=NAME" },
    { name: "node-ip", value: "IP|CIDR", repeatable: true, help: "addresses of nodes, to tell a masked caller" },
    { name: "json", help: "one JSON document on stdout" },
  ],
  notes: `Only --admin knows of listeners, certificate, drain and threads; the others suppose that all is well with them.
Exit code: 0 forward, 1 refused, 2 usage or nothing to judge by. With --replay: 0 nobody who is served now would be
refused, 1 somebody would. There --namespace, --service, --pod-name and --mesh-name are the sidecar's own unless given.`,
};

/** Where policy and endpoints come from. At least one of `directory` and `kubeconfig` is there. */
export interface WorldQuestion {
  readonly directory?: string;
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly services: readonly string[];
  readonly podName?: string;
  readonly meshName?: string;
  readonly nodes: readonly string[];
  /** Of a replay: the sidecar's process is in audit until then; milliseconds since the epoch. */
  readonly auditUntil?: number;
}

/** Of a replay, the sidecar that remembers knows which pod it is. */
export type GivenWorld = Omit<WorldQuestion, "namespace"> & { readonly namespace?: string };

export type Question =
  | { readonly kind: "world"; readonly world: WorldQuestion; readonly about: PeerQuestion }
  | { readonly kind: "admin"; readonly url: URL; readonly about: PeerQuestion }
  | { readonly kind: "replay"; readonly world: GivenWorld; readonly peers: string };

type Values = ReadonlyMap<string, readonly string[]>;

const WORLD_FLAGS = ["manifests", "kubeconfig", "namespace", "service", "pod-name", "mesh-name", "node-ip"];

export function readQuestion(
  values: Values,
  found: readonly string[],
): Question | { readonly problems: readonly string[] } {
  const problems = [...found];
  for (const [name, [text]] of values)
    if (text === "" && !isSwitch(name) && !isOfPeer(name)) problems.push(`--${name} is empty`);
  const replay = values.get("replay")?.[0];
  const admin = values.get("admin")?.[0];
  const url = admin === undefined ? undefined : readAdminUrl(admin, problems);
  exclude(values, admin === undefined ? [] : ["replay", ...WORLD_FLAGS], "--admin", problems);
  exclude(values, replay === undefined ? [] : QUESTION_NAMES, "--replay", problems);
  const about = replay === undefined ? readPeer(values, problems) : undefined;
  const world = admin === undefined ? readWorld(values, problems) : undefined;
  if (problems.length > 0) return { problems };
  if (world !== undefined && replay !== undefined) return { kind: "replay", world, peers: replay };
  if (about === undefined) return { problems: ["--port and --from are missing"] };
  if (url !== undefined) return { kind: "admin", url, about };
  return world === undefined
    ? { problems: ["--manifests is missing"] }
    : { kind: "world", world: { ...world, namespace: world.namespace ?? "default" }, about };
}

function isOfPeer(name: string): boolean {
  return (QUESTION_NAMES as readonly string[]).includes(name);
}

function isSwitch(name: string): boolean {
  return EXPLAIN.flags.some((flag) => flag.name === name && flag.value === undefined) || name === "help";
}

function exclude(values: Values, names: readonly string[], with_: string, problems: string[]): void {
  for (const name of names) if (values.has(name)) problems.push(`--${name} has no meaning with ${with_}`);
}

function readAdminUrl(text: string, problems: string[]): URL | undefined {
  const url = URL.parse(text.includes("://") ? text : `http://${text}`);
  if (url !== null && url.protocol === "http:" && url.hostname !== "") return url;
  problems.push(`--admin has the value '${text}'; expected the admin port of a sidecar such as http://127.0.0.1:15000`);
  return undefined;
}

function readWorld(values: Values, problems: string[]): GivenWorld {
  const text = (name: string): string | undefined => values.get(name)?.[0];
  const [directory, kubeconfig, meshName] = [text("manifests"), text("kubeconfig"), text("mesh-name")];
  const [namespace, podName] = [text("namespace"), text("pod-name")];
  if (directory === undefined && kubeconfig === undefined)
    problems.push("--manifests is missing, or --kubeconfig FILE, or --admin URL: what to judge by");
  if (!values.has("service") && !values.has("replay")) problems.push("--service is missing");
  for (const service of values.get("service") ?? []) {
    const problem = service === "" ? undefined : serviceNameProblem(service);
    if (problem !== undefined) problems.push(`--service: ${problem}`);
  }
  const nodes = values.get("node-ip") ?? [];
  for (const node of nodes)
    if (!isAddressOrRange(node))
      problems.push(`--node-ip has the value '${node}'; expected an address or range such as 10.0.0.1 or 10.0.0.0/24`);
  return {
    ...(directory !== undefined && { directory }),
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(namespace !== undefined && { namespace }),
    services: values.get("service") ?? [],
    ...(podName !== undefined && { podName }),
    ...(meshName !== undefined && { meshName }),
    nodes,
  };
}

function readPeer(values: Values, problems: string[]): PeerQuestion | undefined {
  const spelled = (name: string): string => `--${name}`;
  const question = readPeerQuestion(values, { name: spelled, on: spelled });
  if (!("problems" in question)) return question;
  problems.push(...question.problems);
  return undefined;
}
