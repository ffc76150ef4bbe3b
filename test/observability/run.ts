/**
 * `npm run test:observability`: what Prometheus' own tool says of the alert rules, of their tests, and of the metrics of a real
 * sidecar. Installs Debian's package where that may be; where promtool cannot be had, one line says so.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { noArguments, readArguments } from "../support/command-line.ts";
import { installed, installPackages } from "../support/debian-packages.ts";
import { startApplication } from "../support/application/application.ts";
import { call, tryCall } from "../support/caller/caller.ts";
import { TestMesh } from "../support/mesh/mesh.ts";
import { http, mutual, policy, principal, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";

const RULES = join(import.meta.dirname, "../../config/observability");
const TOOL_TIMEOUT_MS = 60_000;

const HELP = `npm run test:observability

Alert rules, their tests and the metrics of a real sidecar, by Prometheus' own promtool. Takes no options.
`;

/** Runs promtool and shows what it says. */
function promtool(args: readonly string[], input = ""): boolean {
  console.log(`promtool ${args.join(" ")}`);
  const { status, stdout, stderr } = spawnSync("promtool", args, {
    cwd: RULES,
    input,
    encoding: "utf8",
    timeout: TOOL_TIMEOUT_MS,
  });
  console.log(`${stdout}${stderr}`);
  return status === 0;
}

/** The metrics of a sidecar that has let in and refused, over both protocols. */
async function metrics(): Promise<string> {
  const mesh = await TestMesh.create();
  await using application = await startApplication();
  await using sidecar = await startSidecar({
    manifests: [
      policy([http], [range("127.0.0.1/32")], "test/plain"),
      policy(
        [{ ...mutual, port: { number: 443, protocol: "https" } }],
        [range("127.0.0.1/32"), principal("*")],
        "test/tls",
      ),
    ],
    backends: [{ app: application.port }, { port: 443, app: application.port }],
    tls: mesh.own,
  });
  await call({ port: sidecar.port() });
  await tryCall({ port: sidecar.port(), from: "127.0.0.9" });
  await call({ port: sidecar.port(443), tls: await mesh.caller() });
  const text = await (await sidecar.admin("/metrics")).text();
  if (!/^postern_handshake_duration_seconds_count\{port="443"\} 1$/m.test(text))
    throw new Error(`the handshake was not counted:\n${text}`);
  return text;
}

async function main(): Promise<number> {
  installPackages((line) => console.log(line), { promtool: "prometheus" });
  if (!installed("promtool")) {
    console.log("observability suite skipped: there is no promtool here (Debian's package prometheus)");
    return 0;
  }
  const results = [
    promtool(["check", "rules", "alerts.yaml"]),
    promtool(["test", "rules", "alerts.test.yaml"]),
    promtool(["check", "metrics"], await metrics()),
  ];
  return results.every(Boolean) ? 0 : 1;
}

readArguments(HELP, noArguments);
process.exitCode = await main();
