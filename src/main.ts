#!/usr/bin/env node
/** The process's edge: arguments, environment, signals and exit codes. Nothing else reads `process`. */
import { text } from "node:stream/consumers";
import type { CliIo } from "./cli/io.ts";

/** Older releases report a TLS 1.3 session resumed without a client certificate as authorized (nodejs/node issue 35317). */
const OLDEST_NODE = [24, 21] as const;

type Command = (argv: readonly string[], io: CliIo) => Promise<number>;

interface CommandEntry {
  readonly summary: string;
  /** It starts data-plane threads. */
  readonly threads?: true;
  readonly load: () => Promise<Command>;
}

/** Loaded on demand: the sidecar does not pay for the commands beside it. */
const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: { summary: "the sidecar", threads: true, load: async () => (await import("./cli/run.ts")).runSidecar },
  validate: {
    summary: "check IngressBackend objects in files",
    load: async () => (await import("./cli/validate.ts")).runValidate,
  },
  explain: { summary: "one peer's verdict, and why", load: async () => (await import("./cli/explain.ts")).runExplain },
  redirect: {
    summary: "bring arriving connections to the sidecar",
    load: async () => (await import("./cli/redirect.ts")).runRedirect,
  },
  controller: {
    summary: "the mesh's control plane: injector, validator, certificates",
    load: async () => (await import("./cli/controller.ts")).runController,
  },
  inject: { summary: "add the sidecar to manifests", load: async () => (await import("./cli/inject.ts")).runInject },
  uninject: {
    summary: "take the sidecar out of manifests",
    load: async () => (await import("./cli/uninject.ts")).runUninject,
  },
  install: {
    summary: "the whole mesh, as manifests or into a cluster",
    load: async () => (await import("./cli/install.ts")).runInstall,
  },
  uninstall: {
    summary: "the mesh out of a cluster",
    load: async () => (await import("./cli/uninstall.ts")).runUninstall,
  },
  check: {
    summary: "what a cluster lacks for a mesh, before and after",
    load: async () => (await import("./cli/check.ts")).runCheck,
  },
  pki: { summary: "a mesh CA and certificates for trials", load: async () => (await import("./cli/pki.ts")).runPki },
  demo: {
    summary: "everything on localhost, no cluster",
    threads: true,
    load: async () => (await import("./cli/demo.ts")).runDemo,
  },
};

const HELP = `Postern guards the door between an ingress gateway and one application.

Usage:
  postern COMMAND [--help]

Commands:
${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`)
  .join("\n")}
`;

function nodeIsTooOld(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
}

/**
 * Ends the process whatever its threads do. `process.exit` waits for each of them, and never returns when one is inside a
 * native call or when Node's clean-up of it waits for a write that will never be confirmed. What replaces the image of a
 * process ends its threads too, as process 1 of a container as well, where signals to oneself are ignored.
 */
function endDespiteThreads(code: number): never {
  process.execve?.(process.execPath, [process.execPath, "--eval", `process.exit(${code})`], {
    ...process.env,
    NODE_OPTIONS: "",
  });
  // Where an image cannot be replaced (Windows).
  process.exit(code);
}

function createIo(): CliIo {
  const listeners: ((signal: string) => void)[] = [];
  let asked = false;
  const onSignal = (signal: string): void => {
    // The second time means now.
    if (asked) endDespiteThreads(1);
    asked = true;
    for (const listener of listeners) listener(signal);
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  return {
    stdout: (text, done) => void process.stdout.write(text, done),
    stderr: (text, done) => void process.stderr.write(text, done),
    stdin: () => text(process.stdin),
    env: process.env,
    onTermination: (listener) => listeners.push(listener),
  };
}

/** Whoever reads our output may stop reading: that ends nothing but the output. */
function ignoreBrokenPipes(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

/** Node's own warnings, and the fault that ends the process, as JSON lines: the sidecar writes nothing else. */
function reportAsJson(): void {
  const line = (level: string, fields: object, message: string): void => {
    process.stderr.write(`${JSON.stringify({ level, time: new Date().toISOString(), ...fields, message })}\n`);
  };
  process.removeAllListeners("warning");
  process.on("warning", (warning) =>
    line("warn", { warning: warning.name, problem: warning.message }, "warning of Node"),
  );
  const endByFault = (error: unknown): void => {
    line(
      "error",
      { problem: error instanceof Error ? error.stack : String(error) },
      "unexpected fault; the process ends",
    );
    endDespiteThreads(1);
  };
  process.on("uncaughtException", endByFault).on("unhandledRejection", endByFault);
}

/** Never returns: pipes, files and terminals are written synchronously, so nothing said is lost. */
async function main(argv: readonly string[]): Promise<never> {
  const [name, ...rest] = argv;
  if (nodeIsTooOld()) {
    process.stderr.write(
      `postern needs Node ${OLDEST_NODE.join(".")} or newer, this is ${process.versions.node}: start it with npm or npx, which use the pinned one\n`,
    );
    process.exit(2);
  }
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(HELP);
    process.exit(name === undefined ? 2 : 0);
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`postern: unknown command '${name}'; expected one of ${Object.keys(COMMANDS).join(", ")}\n`);
    process.exit(2);
  }
  ignoreBrokenPipes();
  if (name === "run" || name === "controller") reportAsJson();
  const run = await command.load();
  const code = await run(rest, createIo());
  if (command.threads) endDespiteThreads(code);
  process.exit(code);
}

await main(process.argv.slice(2));
