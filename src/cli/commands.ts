/** Every command, loaded on demand: the sidecar does not pay for the commands beside it. */
import { didYouMean } from "../config/did-you-mean.ts";
import { visible } from "../telemetry/visible-text.ts";
import { VERSION } from "../telemetry/version.ts";
import type { CliIo } from "./io.ts";

export type Command = (argv: readonly string[], io: CliIo) => Promise<number>;

export interface CommandEntry {
  readonly summary: string;
  /** It starts data-plane threads. */
  readonly threads?: true;
  /** Words that may follow its name; each has flags of its own. */
  readonly actions?: readonly string[];
  readonly load: () => Promise<Command>;
}

export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: { summary: "the sidecar", threads: true, load: loadRun },
  validate: {
    summary: "check IngressBackend objects in files",
    load: async () => (await import("./validate.ts")).runValidate,
  },
  explain: { summary: "one peer's verdict, and why", load: async () => (await import("./explain.ts")).runExplain },
  redirect: {
    summary: "bring arriving connections to the sidecar",
    load: async () => (await import("./redirect.ts")).runRedirect,
  },
  controller: {
    summary: "the mesh's control plane: injector, validator, certificates",
    load: async () => (await import("./controller.ts")).runController,
  },
  inject: { summary: "add the sidecar to manifests", load: async () => (await import("./inject.ts")).runInject },
  uninject: {
    summary: "take the sidecar out of manifests",
    load: async () => (await import("./uninject.ts")).runUninject,
  },
  install: {
    summary: "the whole mesh, as manifests or into a cluster",
    load: async () => (await import("./install.ts")).runInstall,
  },
  uninstall: {
    summary: "the mesh out of a cluster",
    load: async () => (await import("./uninstall.ts")).runUninstall,
  },
  check: {
    summary: "what a cluster lacks for a mesh, before and after",
    load: async () => (await import("./check.ts")).runCheck,
  },
  migrate: {
    summary: "from Open Service Mesh: what maps, what differs, and how",
    load: async () => (await import("./migrate.ts")).runMigrate,
  },
  pki: {
    summary: "a mesh CA and certificates for trials",
    actions: ["init", "issue"],
    load: async () => (await import("./pki.ts")).runPki,
  },
  demo: {
    summary: "everything on localhost, no cluster",
    threads: true,
    load: async () => (await import("./demo.ts")).runDemo,
  },
  completion: {
    summary: "completion of commands and flags for bash, zsh and fish",
    actions: ["bash", "zsh", "fish"],
    load: async () => (await import("./completion.ts")).runCompletion,
  },
};

/** A pod waits for its sidecar: the first data-plane thread boots while the rest of the command is loaded. */
async function loadRun(): Promise<Command> {
  const { EarlyWorkers } = await import("../early-workers.ts");
  const earlyWorkers = new EarlyWorkers();
  earlyWorkers.start(1);
  const { runSidecar } = await import("./run.ts");
  return (argv, io) => runSidecar(argv, io, earlyWorkers);
}

/** The text of `postern --help`. */
export function overview(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
  return `Postern guards the door between an ingress gateway and one application.

Usage:
  postern COMMAND [--help]
  postern help COMMAND
  postern --version

Commands:
${lines.join("\n")}
`;
}

/** The text of `postern --version`. @param node version of the Node that runs it */
export function versionLine(node: string): string {
  return `postern ${VERSION} (Node ${node})\n`;
}

/** `help COMMAND` as `COMMAND --help`; anything else as it is. */
export function readArguments(argv: readonly string[]): readonly string[] {
  const [first, second, ...rest] = argv;
  return first === "help" && second !== undefined && !second.startsWith("-") ? [second, ...rest, "--help"] : argv;
}

export function unknownCommand(name: string): string {
  const names = Object.keys(COMMANDS);
  const [kind, more] = name.startsWith("-") ? ["flag", ["--help", "--version"]] : ["command", ["help", "version"]];
  const meant = didYouMean(name, [...names, ...more], `expected one of ${[...names, ...more].join(", ")}`);
  return `postern: unknown ${kind} '${visible(name)}'${meant}\n`;
}
