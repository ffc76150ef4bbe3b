/** `postern explain`: one supposed peer's verdict, by the code of the data path. */
import { buildWorld } from "../discovery/world.ts";
import { ManifestDirectory } from "../discovery/manifests/directory.ts";
import { sortObjects } from "../discovery/manifests/kinds.ts";
import { parseAddress } from "../policy/address.ts";
import { compile } from "../policy/compile.ts";
import { supposing } from "../policy/service-state.ts";
import type { San } from "../policy/decision.ts";
import { explain, parseSan, type Explanation, type SupposedPeer } from "../policy/explain.ts";
import { isAddressOrRange } from "../policy/node-addresses.ts";
import { readPort, Unusable } from "../config/values.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";
import { backendPort } from "../policy/model.ts";

const EXPLAIN: CommandSpec = {
  name: "explain",
  summary: "Says what one caller would get, and why: by the same code that judges connections.",
  usage: [
    "explain --manifests DIR --namespace NS --service NAME --port N --from IP [--tls [--sni NAME] [--san dns:NAME|uri:URI]... | --no-cert] [--json]",
  ],
  flags: [
    { name: "manifests", value: "DIR", help: "directory with the policies and endpoints" },
    { name: "namespace", value: "NS", help: "namespace of the pod (default)" },
    { name: "service", value: "NAME", repeatable: true, help: "Service that the pod backs" },
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
    { name: "no-cert", help: "the caller shows no certificate" },
    { name: "mesh-name", value: "NAME", help: "source namespaces must carry openservicemesh.io/monitored-by=NAME" },
    { name: "node-ip", value: "IP|CIDR", repeatable: true, help: "addresses of nodes, to tell a masked caller" },
    { name: "json", help: "one JSON document on stdout" },
  ],
  notes: "Exit code: 0 forward, 1 refused, 2 usage.",
};

interface Question {
  readonly directory: string;
  readonly namespace: string;
  readonly services: readonly string[];
  readonly meshName?: string;
  readonly nodes: readonly string[];
  readonly port: number;
  readonly peer: SupposedPeer;
}

export async function runExplain(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems, help } = parseFlags(EXPLAIN, argv);
  if (help) {
    io.stdout(helpText(EXPLAIN));
    return EXIT.ok;
  }
  const question = readQuestion(values, problems);
  if ("problems" in question) {
    io.stderr(usageError(EXPLAIN, question.problems));
    return EXIT.usage;
  }
  const directory = new ManifestDirectory(question.directory);
  let reading;
  try {
    reading = await directory.read();
  } catch (error) {
    io.stderr(
      usageError(EXPLAIN, [
        `--manifests ${question.directory} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      ]),
    );
    return EXIT.usage;
  }
  for (const { file, document, line, message } of reading.newFaults)
    io.stderr(`${file}:${line}: document ${document} is broken and left out: ${message}\n`);
  const { namespace, services, meshName, nodes } = question;
  const snapshot = compile(
    buildWorld(sortObjects(reading.objects)),
    { namespace, services, nodes, ...(meshName !== undefined && { meshName }) },
    1,
  );
  for (const { policy, currentStatus, reason } of snapshot.statuses)
    if (currentStatus === "error") io.stderr(`IngressBackend ${policy}: ${reason}\n`);
  const explanation = explain(supposing(snapshot, Date.now()), backendPort(question.port), question.peer);
  io.stdout(values.has("json") ? `${JSON.stringify(explanation)}\n` : describe(explanation, question));
  return explanation.verdict === "forward" ? EXIT.ok : EXIT.failed;
}

function readQuestion(
  values: ReadonlyMap<string, readonly string[]>,
  found: readonly string[],
): Question | { readonly problems: readonly string[] } {
  const problems = [...found];
  const text = (name: string): string | undefined => values.get(name)?.[0];
  for (const name of ["manifests", "service", "port", "from"]) {
    if (!values.has(name)) problems.push(`--${name} is missing`);
    else if (text(name) === "") problems.push(`--${name} is empty`);
  }
  const port = readPort(text("port") ?? "1");
  if (port instanceof Unusable) problems.push(`--port has the value '${text("port")}'; expected ${port.expected}`);
  const address = text("from") ?? "127.0.0.1";
  if (parseAddress(address) === undefined)
    problems.push(`--from has the value '${address}'; expected an IP address such as 10.0.0.1 or fd00::1`);
  const sans = (values.get("san") ?? []).flatMap((san): readonly San[] => {
    const parsed = parseSan(san);
    if (parsed === undefined) problems.push(`--san has the value '${san}'; expected dns:NAME or uri:URI`);
    return parsed === undefined ? [] : [parsed];
  });
  const nodes = values.get("node-ip") ?? [];
  for (const text of nodes)
    if (!isAddressOrRange(text))
      problems.push(`--node-ip has the value '${text}'; expected an address or range such as 10.0.0.1 or 10.0.0.0/24`);
  const noCertificate = values.has("no-cert");
  if (noCertificate && sans.length > 0) problems.push("--san and --no-cert exclude each other");
  const tls = values.has("tls") || noCertificate;
  for (const name of ["sni", "san"]) if (values.has(name) && !tls) problems.push(`--${name} needs --tls`);
  if (problems.length > 0 || port instanceof Unusable) return { problems };
  const sni = text("sni");
  const meshName = text("mesh-name");
  return {
    directory: text("manifests") ?? "",
    namespace: text("namespace") ?? "default",
    services: values.get("service") ?? [],
    ...(meshName !== undefined && { meshName }),
    nodes,
    port,
    peer: { address, tls, ...(sni !== undefined && { sni }), ...(!noCertificate && { sans }) },
  };
}

function describe(
  { verdict, reason, policy, source, principal, nearest }: Explanation,
  { port, peer }: Question,
): string {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["verdict", verdict],
    ["reason", reason],
    ["policy", policy],
    ["source", source],
    ["principal", principal],
    ["nearest", nearest],
  ];
  const lines = rows.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(10)}${value}`]));
  return [`${peer.address} to port ${port}${peer.tls ? " over TLS" : ""}`, ...lines, ""].join("\n");
}
