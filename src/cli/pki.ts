/** `postern pki`: a mesh CA and certificates for trials. */
import { initAuthority, issueInto, PkiError } from "../pki/directory.ts";
import { didYouMean } from "../config/did-you-mean.ts";
import { readCount, Unusable } from "../config/values.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";

const DAY_MS = 86_400_000;

const PKI_INIT: CommandSpec = {
  name: "pki init",
  summary: "Makes a mesh CA: ca.crt and ca.key.",
  usage: ["pki init --dir DIR [--common-name NAME]"],
  flags: [
    { name: "dir", value: "DIR", help: "directory for the CA and its certificates" },
    { name: "common-name", value: "NAME", help: "subject of the CA (postern-demo-ca)" },
  ],
};

const PKI_ISSUE: CommandSpec = {
  name: "pki issue",
  summary: "Issues a certificate of the CA: NAME.crt and NAME.key.",
  usage: ["pki issue --dir DIR --name NAME [--dns NAME]... [--uri URI]... [--days N]"],
  flags: [
    { name: "dir", value: "DIR", help: "directory of the CA" },
    { name: "name", value: "NAME", help: "base name of the files" },
    {
      name: "dns",
      value: "NAME",
      repeatable: true,
      help: "DNS name in the certificate, e.g. edge.gateways.cluster.local",
    },
    {
      name: "uri",
      value: "URI",
      repeatable: true,
      help: "URI in the certificate, e.g. spiffe://cluster.local/edge/gateways",
    },
    { name: "days", value: "N", help: "validity (1)" },
  ],
};

const HELP = `A mesh CA and certificates for trials. Never for production: the CA's key lies in a file.

Usage:
  postern pki init --dir DIR [--common-name NAME]
  postern pki issue --dir DIR --name NAME [--dns NAME]... [--uri URI]... [--days N]
`;

export async function runPki(argv: readonly string[], io: CliIo): Promise<number> {
  const [action, ...rest] = argv;
  if (action === "init") return perform(PKI_INIT, rest, io, init);
  if (action === "issue") return perform(PKI_ISSUE, rest, io, issue);
  if (action === "--help" || action === "-h") {
    io.stdout(HELP);
    return EXIT.ok;
  }
  io.printError(
    `postern pki: ${action === undefined ? "name an action; expected init or issue" : `unknown action '${action}'${didYouMean(action, ["init", "issue"], "expected init or issue")}`}`,
  );
  return EXIT.usage;
}

type Values = ReadonlyMap<string, readonly string[]>;
/** What was made, or what is wrong with the flags. */
type Made = { readonly made: readonly string[] } | { readonly problems: readonly string[] };

async function perform(
  spec: CommandSpec,
  argv: readonly string[],
  io: CliIo,
  action: (values: Values) => Promise<Made>,
): Promise<number> {
  const { values, problems, help } = parseFlags(spec, argv);
  if (help) {
    io.stdout(helpText(spec));
    return EXIT.ok;
  }
  try {
    const result = problems.length > 0 ? { problems } : await action(values);
    if ("made" in result) {
      io.print(result.made);
      return EXIT.ok;
    }
    io.printError(usageError(spec, result.problems));
    return EXIT.usage;
  } catch (error) {
    if (!(error instanceof PkiError) && (error as NodeJS.ErrnoException).code === undefined) throw error;
    io.printError(`postern ${spec.name}: ${error instanceof Error ? error.message : String(error)}`);
    return EXIT.failed;
  }
}

async function init(values: Values): Promise<Made> {
  const directory = values.get("dir")?.[0];
  if (directory === undefined || directory === "") return { problems: ["--dir is missing"] };
  const files = await initAuthority(directory, values.get("common-name")?.[0]);
  return { made: [files.cert, files.key] };
}

async function issue(values: Values): Promise<Made> {
  const problems: string[] = [];
  for (const name of ["dir", "name"]) if ((values.get(name)?.[0] ?? "") === "") problems.push(`--${name} is missing`);
  const dnsNames = values.get("dns") ?? [];
  const uris = values.get("uri") ?? [];
  if (dnsNames.length + uris.length === 0) problems.push("give at least one --dns NAME or --uri URI");
  const days = readCount(values.get("days")?.[0] ?? "1");
  if (days instanceof Unusable || days < 1)
    problems.push(`--days has the value '${values.get("days")?.[0]}'; expected a whole number of at least 1`);
  if (problems.length > 0 || days instanceof Unusable) return { problems };
  const files = await issueInto(values.get("dir")?.[0] ?? "", values.get("name")?.[0] ?? "", {
    dnsNames,
    uris,
    notAfter: new Date(Date.now() + days * DAY_MS),
  });
  return { made: [files.cert, files.key] };
}
