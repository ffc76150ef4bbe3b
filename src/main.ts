#!/usr/bin/env node
/** The process's edge: arguments, environment, signals and exit codes. Nothing else reads `process`. */
import { COMMANDS, overview, readArguments, unknownCommand, versionLine } from "./cli/commands.ts";
import { createCliIo, type CliIo } from "./cli/io.ts";

/** Older releases report a TLS 1.3 session resumed without a client certificate as authorized (nodejs/node issue 35317). */
const OLDEST_NODE = [24, 21] as const;

/** A peer can end the whole process on 26.10 (docs/decisions/0008); no test runs on a line after this one. */
const SUPPORTED_LINE = 24;
const UNSUPPORTED = `this line of Node is not supported, use ${SUPPORTED_LINE}: on 26.10 an upload over HTTP/2 whose stream the application resets can abort the whole process`;

const MOST_STDIN_BYTES = 2 ** 26;

function nodeVersion(): readonly [major: number, minor: number] {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return [major, minor];
}

function nodeIsTooOld(): boolean {
  const [major, minor] = nodeVersion();
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
    // A second signal ends the process at once. So does the first where no command handles it.
    if (asked || listeners.length === 0) endDespiteThreads(1);
    asked = true;
    for (const listener of listeners) listener(signal);
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  return createCliIo({
    stdout: (text, done) => void process.stdout.write(text, done),
    stderr: (text, done) => void process.stderr.write(text, done),
    stdin: readStdin,
    env: process.env,
    onTermination: (listener) => listeners.push(listener),
  });
}

/** @throws when there is more than any input of ours has: it may have no end */
async function readStdin(): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MOST_STDIN_BYTES) throw new Error(`it has more than ${MOST_STDIN_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
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
  if (nodeVersion()[0] > SUPPORTED_LINE) line("warn", { node: process.versions.node }, UNSUPPORTED);
}

/** Never returns: pipes, files and terminals are written synchronously, so nothing said is lost. */
async function main(argv: readonly string[]): Promise<never> {
  const [name, ...rest] = argv;
  if (nodeIsTooOld()) {
    process.stderr.write(
      `postern needs Node ${OLDEST_NODE.join(".")} or newer, this is ${process.versions.node}: install it, or, in a checkout, start with npm or npx, which use the pinned one\n`,
    );
    process.exit(2);
  }
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(overview());
    process.exit(name === undefined ? 2 : 0);
  }
  if (name === "--version" || name === "-V" || name === "version") {
    process.stdout.write(versionLine(process.versions.node));
    process.exit(0);
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(unknownCommand(name));
    process.exit(2);
  }
  ignoreBrokenPipes();
  if (name === "run" || name === "controller") reportAsJson();
  // Before anything is loaded: the kernel drops signals to process 1 of a container that has no handler for them.
  const io = createIo();
  const run = await command.load();
  const code = await run(rest, io);
  if (command.threads) endDespiteThreads(code);
  process.exit(code);
}

await main(readArguments(process.argv.slice(2)));
