/** `postern controller`: the mesh's control plane. */
import { hostname } from "node:os";
import { defaultGateway, type ControllerConfig } from "../controller/controller-config.ts";
import { Controller } from "../controller/controller.ts";
import {
  isDnsName,
  LEAST_VALIDITY_MS,
  parseGoDuration,
  type GatewayCertificate,
} from "../controller/gateway-certificates/mesh-config.ts";
import { BUNDLE_NAME, meshNames, type Mesh } from "../controller/names.ts";
import { readChoice, readDuration, readSocketAddress, Unusable, type Read } from "../config/values.ts";
import { resolveCredentials } from "../api-server/api-credentials.ts";
import { DEFAULT_OPTIONS } from "../inject/injection.ts";
import { openLog, type Log } from "../telemetry/log.ts";
import { helpText, parseFlags, usageError, type CommandSpec } from "./flags.ts";
import { EXIT, type CliIo } from "./io.ts";

export const CONTROLLER: CommandSpec = {
  name: "controller",
  summary: "Runs the mesh's control plane: injector, validator, certificates of sidecars and gateways.",
  usage: ["controller [--mesh-name osm] [--namespace osm-system] ..."],
  flags: [
    { name: "mesh-name", value: "NAME", help: "namespaces with openservicemesh.io/monitored-by=NAME (osm)" },
    { name: "namespace", value: "NS", help: "of the mesh's own Secrets (POD_NAMESPACE, else osm-system)" },
    { name: "trust-domain", value: "NAME", help: "last part of every name in a certificate (cluster.local)" },
    { name: "kubeconfig", value: "FILE", help: "cluster and credentials when not in a pod" },
    {
      name: "ca-secret",
      value: "NAME",
      help: "Secret with a CA that somebody else keeps: tls.crt, tls.key, ca.crt (one is made and rotated)",
    },
    { name: "ca-validity", value: "DURATION", help: "of a CA that is made here (87600h)" },
    {
      name: "ca-overlap",
      value: "DURATION",
      help: "how long the next CA is published before it signs (the validity of certificates)",
    },
    {
      name: "validity",
      value: "DURATION",
      help: "of certificates, renewed at two thirds; MeshConfig goes before it (24h)",
    },
    {
      name: "gateway",
      value: "[NS/]SECRET=NAME",
      repeatable: true,
      help: "certificate of a gateway: its Secret and its DNS name (osm-contour-envoy-client-cert=osm-contour-envoy.NAMESPACE.TRUST-DOMAIN)",
    },
    { name: "image", value: "IMAGE", help: `of injected sidecars (${DEFAULT_OPTIONS.image})` },
    { name: "redirect-image", value: "IMAGE", help: `of their init container (${DEFAULT_OPTIONS.redirectImage})` },
    {
      name: "traffic",
      value: "HOW",
      help: `redirect or target-port, unless a pod says so (${DEFAULT_OPTIONS.traffic})`,
    },
    { name: "classic", help: "sidecars as ordinary containers, for clusters before 1.29" },
    { name: "webhook", value: "ADDR:PORT", help: "injector and validator, HTTPS ([::]:9443)" },
    { name: "health", value: "ADDR:PORT", help: "/livez and /readyz ([::]:15021)" },
    { name: "pod-name", value: "NAME", help: "of this replica, for the Lease (POD_NAME, else the host's name)" },
    { name: "lease-duration", value: "DURATION", help: "a leader that fell silent is given up after this (15s)" },
    { name: "drain-delay", value: "DURATION", help: "webhooks are answered on after SIGTERM (5s)" },
    { name: "log-level", value: "LEVEL", help: "debug, info, warn or error (info)" },
  ],
  notes: `Logs are JSON lines on stdout. Of several replicas one leads, by a Lease; all answer webhooks. SIGTERM: another leads at
once, /readyz fails, and the process ends with 0 after the drain delay. A rotation of the CA that is made here begins with
  kubectl -n NAMESPACE annotate secret postern-ca-MESH postern.dev/rotate=now`,
};

const LONGEST_CA_MS = 100 * 365 * 86_400_000;

export async function runController(argv: readonly string[], io: CliIo): Promise<number> {
  const flags = parseFlags(CONTROLLER, argv);
  if (flags.help) {
    io.stdout(helpText(CONTROLLER));
    return EXIT.ok;
  }
  const problems = [...flags.problems];
  const read = readController(flags.values, io.env, problems);
  if (problems.length > 0) {
    io.printError(usageError(CONTROLLER, problems));
    return EXIT.usage;
  }
  const { log, output } = openLog(read.logLevel, io.stdout);
  const code = await serve(read.config, log, flags.values.get("kubeconfig")?.[0] ?? io.env["KUBECONFIG"], io);
  await output.written(1_000);
  return code;
}

async function serve(config: ControllerConfig, log: Log, kubeconfig: string | undefined, io: CliIo): Promise<number> {
  const terminated = new Promise<string>((resolve) => io.onTermination(resolve));
  let controller: Controller | undefined;
  try {
    const credentials = await resolveCredentials({
      ...(kubeconfig !== undefined && { kubeconfig }),
      env: io.env,
      warn: (message) => log.warn({}, message),
    });
    controller = new Controller({ config, credentials, log });
    await controller.start();
    log.info({ signal: await terminated }, "asked to end");
    return EXIT.ok;
  } catch (error) {
    log.error({ problem: error instanceof Error ? error.message : String(error), error }, "cannot go on");
    return EXIT.failed;
  } finally {
    await controller?.stop();
  }
}

interface ReadController {
  readonly config: ControllerConfig;
  readonly logLevel: "debug" | "info" | "warn" | "error";
}

/** @param problems takes everything that is wrong, each with its flag */
export function readController(
  values: ReadonlyMap<string, readonly string[]>,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): ReadController {
  const text = (name: string): string | undefined => values.get(name)?.[0];
  const one = <Value>(name: string, fallback: Value, read: (given: string) => Read<Value>): Value => {
    const given = text(name);
    if (given === undefined) return fallback;
    const value = read(given);
    if (!(value instanceof Unusable)) return value;
    problems.push(`--${name} has the value '${given}'; expected ${value.expected}`);
    return fallback;
  };
  const mesh: Mesh = {
    name: one("mesh-name", "osm", readLabel),
    namespace: one("namespace", env["POD_NAMESPACE"] ?? "osm-system", readLabel),
    trustDomain: one("trust-domain", "cluster.local", readDnsName),
  };
  const validityMs = one("validity", 86_400_000, readValidity);
  const gateways = (values.get("gateway") ?? []).flatMap((given) => {
    const read = readGateway(given, mesh.namespace);
    if (!(read instanceof Unusable)) return [read];
    problems.push(`--gateway has the value '${given}'; expected ${read.expected}`);
    return [];
  });
  const given = text("ca-secret");
  if (given !== undefined && !isDnsName(given))
    problems.push(`--ca-secret has the value '${given}'; expected a Secret's name`);
  return {
    logLevel: one("log-level", "info", readChoice(["debug", "info", "warn", "error"])),
    config: {
      mesh,
      ...(given !== undefined && { givenAuthority: given }),
      authorityValidityMs: one("ca-validity", 10 * 365 * 86_400_000, readValidity),
      overlapMs: one("ca-overlap", validityMs, readDuration),
      validityMs,
      gateways: gateways.length > 0 ? gateways : [defaultGateway(mesh)],
      gatewaysByDefault: gateways.length === 0,
      webhook: one("webhook", { host: "::", port: 9_443 }, readSocketAddress),
      health: one("health", { host: "::", port: 15_021 }, readSocketAddress),
      injection: {
        ...DEFAULT_OPTIONS,
        image: text("image") ?? DEFAULT_OPTIONS.image,
        redirectImage: text("redirect-image") ?? DEFAULT_OPTIONS.redirectImage,
        traffic: one("traffic", DEFAULT_OPTIONS.traffic, readChoice(["redirect", "target-port"])),
        sidecar: values.has("classic") ? "classic" : "native",
        certificate: {
          kind: "csr",
          signerName: meshNames(mesh.name).signer,
          trustDomain: mesh.trustDomain,
          bundle: BUNDLE_NAME,
        },
        meshName: mesh.name,
      },
      replica: text("pod-name") ?? env["POD_NAME"] ?? hostname(),
      leaseDurationMs: one("lease-duration", 15_000, readDuration),
      everyMs: 10_000,
      drainDelayMs: one("drain-delay", 5_000, readDuration),
    },
  };
}

function readLabel(text: string): Read<string> {
  return isDnsName(text) && !text.includes(".")
    ? text
    : new Unusable("a name such as osm, of letters, digits and hyphens");
}

function readDnsName(text: string): Read<string> {
  return isDnsName(text) ? text : new Unusable("a DNS name such as cluster.local");
}

function readValidity(text: string): Read<number> {
  const value = parseGoDuration(text);
  return value !== undefined && value >= LEAST_VALIDITY_MS && value <= LONGEST_CA_MS
    ? value
    : new Unusable("a duration of 10m or more such as 24h");
}

function readGateway(text: string, meshNamespace: string): Read<GatewayCertificate> {
  const [, namespace = meshNamespace, secret = "", name = ""] = /^(?:([^/=]+)\/)?([^/=]+)=([^=]+)$/.exec(text) ?? [];
  return isDnsName(secret) && isDnsName(name) && isDnsName(namespace) && !namespace.includes(".")
    ? { namespace, secret, name }
    : new Unusable("[NAMESPACE/]SECRET=DNS-NAME such as osm-system/edge-client=edge.osm-system.cluster.local");
}
