/** `postern inject`: the sidecar added to manifests. */
import { readChoice, readDuration, Unusable, type Read } from "../config/values.ts";
import { BUNDLE_NAME } from "../controller/names.ts";
import { DEFAULT_OPTIONS, type CertificateSource, type InjectOptions, type Quantities } from "../inject/injection.ts";
import { injectText, type ObjectReport } from "../inject/text/inject-text.ts";
import { unifiedDiff } from "../inject/text/unified-diff.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";
import { MANIFEST_FLAGS, readManifestInput } from "./manifest-input.ts";

const quantities = (values: Quantities): string =>
  Object.entries(values)
    .map((entry) => entry.join("="))
    .join(",");

const INJECT: CommandSpec = {
  name: "inject",
  summary: "Adds the sidecar to the pods of manifests, and changes nothing else in them.",
  usage: [
    "inject -f deployment.yaml --certificate secret=NAME | kubectl apply -f -",
    "kubectl get deployment foo -o yaml | postern inject --traffic target-port | kubectl apply -f -",
  ],
  flags: [
    ...MANIFEST_FLAGS,
    {
      name: "traffic",
      value: "WAY",
      help: "redirect (rules in an init container) or target-port (the Service points at the sidecar) (redirect)",
    },
    { name: "classic", help: "an ordinary container, for clusters without native sidecars (before Kubernetes 1.29)" },
    {
      name: "certificate",
      value: "SOURCE",
      help: "none, secret=NAME, csr=SIGNER, cert-manager=[Issuer/|ClusterIssuer/]NAME or spiffe=CSI-DRIVER (none: https stays closed)",
    },
    {
      name: "trust-domain",
      value: "DOMAIN",
      help: "of certificates asked of the signer or of cert-manager (cluster.local)",
    },
    { name: "mesh-name", value: "NAME", help: "as for 'postern run' (off)" },
    { name: "image", value: "IMAGE", help: `of the sidecar (${DEFAULT_OPTIONS.image})` },
    { name: "redirect-image", value: "IMAGE", help: `of the init container (${DEFAULT_OPTIONS.redirectImage})` },
    { name: "requests", value: "LIST", help: `of the sidecar (${quantities(DEFAULT_OPTIONS.requests)})` },
    { name: "limits", value: "LIST", help: `of the sidecar (${quantities(DEFAULT_OPTIONS.limits)})` },
    {
      name: "pre-stop",
      value: "DURATION",
      help: `the application's end is put off by this, in whole seconds, 0 for not at all (${DEFAULT_OPTIONS.preStopSeconds}s)`,
    },
  ],
  notes: `Pods, Deployments, StatefulSets, DaemonSets, ReplicaSets, ReplicationControllers, Jobs, CronJobs and Lists of them;
comments and order stay. Again with the same flags changes nothing; 'postern uninject' gives back the input byte for byte.
Guarded is every TCP port that a container declares or a Service of the same input targets. Annotations of the pod choose:
  openservicemesh.io/sidecar-injection: enabled|disabled
  openservicemesh.io/inbound-port-exclusion-list: "9090"    ports that are not guarded
  postern.dev/ports: "80,metrics"                           exactly these ports
  postern.dev/traffic: redirect|target-port
Exit code: 0 done, 1 refused (nothing is printed then but the reasons), 2 usage.`,
};

export async function runInject(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, problems, help } = parseFlags(INJECT, argv);
  if (help) {
    io.stdout(helpText(INJECT));
    return EXIT.ok;
  }
  const options = readOptions(values, problems);
  const input = "problems" in options ? undefined : await readManifestInput(values.get("filename")?.[0], io);
  const wrong =
    "problems" in options ? options.problems : input !== undefined && "problem" in input ? [input.problem] : [];
  if ("problems" in options || input === undefined || "problem" in input) {
    io.printError(usageError(INJECT, wrong));
    return EXIT.usage;
  }
  const result = injectText(input.text, options);
  if (result.kind === "refused") {
    for (const problem of result.problems) io.printError(`postern inject: ${input.name}: ${problem}`);
    return EXIT.failed;
  }
  for (const line of result.reports.flatMap(reportLines)) io.printError(`postern inject: ${line}`);
  if (result.reports.length === 0) io.printError("postern inject: note: there is no object with a pod in the input");
  io.stdout(values.has("diff") ? unifiedDiff(input.name, input.text, result.edits) : result.text);
  return EXIT.ok;
}

function reportLines({ name, result }: ObjectReport): readonly string[] {
  switch (result.kind) {
    case "injected": {
      const ports = result.ports.map(({ port, listen }) => `${port} by ${listen}`).join(", ");
      return [`${name}: ${result.traffic}, guards ${ports}`, ...result.notes.map((note) => `note: ${name}: ${note}`)];
    }
    case "unchanged":
      return [`${name}: unchanged: ${result.message}`];
    case "refused":
      return [`${name}: ${result.field}: ${result.problem}`];
  }
}

function readOptions(
  values: ReadonlyMap<string, readonly string[]>,
  found: readonly string[],
): InjectOptions | { readonly problems: readonly string[] } {
  const problems = [...found];
  const one = <Value>(name: string, otherwise: Value, read: (text: string) => Read<Value>): Value => {
    const [text] = values.get(name) ?? [];
    const value = text === undefined ? otherwise : read(text);
    if (!(value instanceof Unusable)) return value;
    problems.push(`--${name} has the value '${text}'; expected ${value.expected}`);
    return otherwise;
  };
  const trustDomain = one("trust-domain", "cluster.local", readName);
  const meshName = one<string | undefined>("mesh-name", undefined, readName);
  const options: InjectOptions = {
    ...DEFAULT_OPTIONS,
    traffic: one("traffic", DEFAULT_OPTIONS.traffic, readChoice(["redirect", "target-port"])),
    sidecar: values.has("classic") ? "classic" : "native",
    certificate: one("certificate", DEFAULT_OPTIONS.certificate, (text) => readCertificate(text, trustDomain)),
    image: one("image", DEFAULT_OPTIONS.image, readImage),
    redirectImage: one("redirect-image", DEFAULT_OPTIONS.redirectImage, readImage),
    requests: one("requests", DEFAULT_OPTIONS.requests, readQuantities),
    limits: one("limits", DEFAULT_OPTIONS.limits, readQuantities),
    preStopSeconds: one("pre-stop", DEFAULT_OPTIONS.preStopSeconds, readSeconds),
    injected: "replace",
    ...(meshName !== undefined && { meshName }),
  };
  return problems.length > 0 ? { problems } : options;
}

const CERTIFICATE_SYNTAX =
  "none, secret=NAME, csr=SIGNER such as postern.dev/osm, cert-manager=ISSUER such as ClusterIssuer/mesh, or spiffe=CSI-DRIVER";

function readCertificate(text: string, trustDomain: string): Read<CertificateSource> {
  if (text === "none") return { kind: "none" };
  const [, kind, name = ""] = /^(secret|csr|cert-manager|spiffe)=(\S+)$/.exec(text) ?? [];
  switch (kind) {
    case "secret":
      return { kind, name };
    case "csr":
      return { kind, signerName: name, trustDomain, bundle: BUNDLE_NAME };
    case "cert-manager":
      return readIssuer(name, trustDomain);
    case "spiffe":
      return { kind, csiDriver: name, socket: "spire-agent.sock" };
    default:
      return new Unusable(CERTIFICATE_SYNTAX);
  }
}

function readIssuer(text: string, trustDomain: string): Read<CertificateSource> {
  const [, kind = "Issuer", name = ""] = /^(?:(Issuer|ClusterIssuer)\/)?([a-z0-9][a-z0-9.-]*)$/.exec(text) ?? [];
  return name !== "" && (kind === "Issuer" || kind === "ClusterIssuer")
    ? { kind: "cert-manager", issuer: { kind, name }, trustDomain }
    : new Unusable(CERTIFICATE_SYNTAX);
}

/** Kubernetes resource quantities, as far as a sidecar's can be meant. */
function readQuantities(text: string): Read<Quantities> {
  const entries = text
    .split(",")
    .map((part) => /^([a-z][a-z0-9./-]*)=(\d+(?:\.\d+)?(?:m|k|M|G|Ki|Mi|Gi)?)$/.exec(part));
  const sound = entries.flatMap((entry) => (entry === null ? [] : [[entry[1] ?? "", entry[2] ?? ""] as const]));
  return sound.length === entries.length
    ? Object.fromEntries(sound)
    : new Unusable("a list of quantities such as cpu=50m,memory=128Mi");
}

function readSeconds(text: string): Read<number> {
  const value = readDuration(text);
  return value instanceof Unusable || (value % 1_000 === 0 && value <= 600_000)
    ? value instanceof Unusable
      ? value
      : value / 1_000
    : new Unusable("whole seconds up to 10m, such as 10s or 2m");
}

function readName(text: string): Read<string> {
  return /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(text)
    ? text
    : new Unusable("letters, digits, hyphens and dots");
}

function readImage(text: string): Read<string> {
  return text !== "" && !/\s/.test(text) ? text : new Unusable("an image's name");
}
