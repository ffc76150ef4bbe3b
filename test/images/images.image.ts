/** The images as the Dockerfile builds them, run as a container runtime would: their user, their entry point, their files. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { VERSION } from "../../src/telemetry/version.ts";
import { Buildah } from "./buildah.ts";
import { IMAGES } from "./build.ts";

const STEP_MS = 120_000;
const ELF = Buffer.from("\x7fELF", "latin1");

const buildah = new Buildah(process.env["IMAGES_DIRECTORY"] ?? "");
/** Beyond what a container has by itself: those that the injected one asks for. */
const RIGHTS = { sidecar: [], redirect: ["NET_ADMIN", "NET_RAW"] } as const;
const containers = { sidecar: "", redirect: "" };

before(() => {
  for (const target of ["sidecar", "redirect"] as const)
    containers[target] = buildah.run(STEP_MS, "from", "--pull=never", IMAGES[target]);
});

after(() => {
  for (const container of Object.values(containers)) if (container !== "") buildah.run(STEP_MS, "rm", container);
});

function inContainer(target: keyof typeof IMAGES, ...command: readonly string[]): readonly [string, readonly string[]] {
  const flags = ["--isolation=chroot", "--network=host", ...RIGHTS[target].map((right) => `--cap-add=CAP_${right}`)];
  return buildah.commandLine("run", ...flags, containers[target], "--", ...command);
}

/** The command line of a container whose arguments take the place of the image's. */
function commandLine(target: keyof typeof IMAGES, ...args: readonly string[]): readonly [string, readonly string[]] {
  const { Entrypoint, Cmd } = buildah.config(IMAGES[target]);
  return inContainer(target, ...Entrypoint, ...(args.length > 0 ? args : Cmd));
}

function output(target: keyof typeof IMAGES, ...args: readonly string[]): string {
  const [command, argv] = commandLine(target, ...args);
  const { status, stdout, stderr } = spawnSync(command, argv, { encoding: "utf8", timeout: STEP_MS });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  return stdout;
}

function sizeMiB(image: string): number {
  const listed = JSON.parse(buildah.run(STEP_MS, "images", "--json", image)) as readonly { readonly size: string }[];
  const [, amount = "0", unit = "MB"] = /^([\d.]+) (\w+)$/.exec(listed[0]?.size ?? "") ?? [];
  return Math.round((Number(amount) * (unit === "GB" ? 1e9 : 1e6)) / 2 ** 20);
}

for (const target of ["sidecar", "redirect"] as const)
  test(`the ${target}'s image says its version and its help`, (t) => {
    t.diagnostic(`${IMAGES[target]}: ${sizeMiB(IMAGES[target])} MiB on the stand-ins for its bases`);
    assert.match(
      output(target, "--version"),
      new RegExp(`^postern ${VERSION.replaceAll(".", "\\.")}\\b|^${VERSION}`, "m"),
    );
    assert.match(output(target, "run", "--help"), /--backend/);
  });

test("the sidecar's image runs without root, and its process is of OSM's proxy uid", () => {
  const { User, Entrypoint, Cmd } = buildah.config(IMAGES.sidecar);
  assert.equal(User, "1500:1500");
  assert.deepEqual(Cmd, ["run"]);
  const print = "[process.getuid(), process.getgid()].join()";
  const [command, argv] = inContainer("sidecar", Entrypoint[0] ?? "", "--print", print);
  const { stdout, stderr } = spawnSync(command, argv, { encoding: "utf8", timeout: STEP_MS });
  assert.equal(stdout.trim(), "1500,1500", stderr);
});

test("nothing of ours in the images is compiled for one platform, and the parts list names what is bundled", () => {
  const root = buildah.run(STEP_MS, "mount", containers.sidecar);
  const files = readdirSync(join(root, "postern"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  assert.ok(files.length > 5, files.join());
  for (const file of files) assert.notDeepEqual(readFileSync(file).subarray(0, 4), ELF, file);
  const parts = readFileSync(join(root, "postern/dist/command/sbom.cdx.json"), "utf8");
  const { bomFormat, components } = JSON.parse(parts) as {
    readonly bomFormat: string;
    readonly components: readonly { readonly name: string }[];
  };
  assert.equal(bomFormat, "CycloneDX");
  const names = new Set(components.map(({ name }) => name));
  for (const name of ["undici", "http-proxy", "lru-cache", "node-forge"]) assert.ok(names.has(name), name);
});

/** Of the demo's HTTP port. */
function ask(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path: "/hello" }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve(text));
    })
      .on("error", reject)
      .end();
  });
}

test("the demo serves out of the sidecar's image, and ends when it is told to", { timeout: STEP_MS }, async () => {
  const ports = Object.entries({ app: 18_081, http: 18_082, https: 18_083, admin: 18_084 });
  const flags = ports.map(([name, port]) => `--${name}-port=${port}`);
  const [command, argv] = commandLine("sidecar", "demo", "--dir=/tmp/demo", ...flags);
  const demo = spawn(command, argv, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let said = "";
  const whole = once(demo, "exit");
  demo.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  try {
    for await (const text of demo.stdout.setEncoding("utf8")) if ((said += text).includes("Ctrl-C stops.")) break;
    assert.match(await ask(18_082), /Hello from the application/, said);
    // As Ctrl-C does: all of the group.
    process.kill(-(demo.pid ?? 0), "SIGINT");
    await Promise.race([
      whole,
      delay(STEP_MS / 2, undefined, { ref: false }).then(() => assert.fail(`it does not end\n${said}`)),
    ]);
    await assert.rejects(ask(18_082), /ECONNREFUSED/);
  } finally {
    if (demo.exitCode === null && demo.signalCode === null) process.kill(-(demo.pid ?? 0), "SIGKILL");
  }
});

test("the redirect image is root's, and captures the port of the namespace that it runs in", () => {
  assert.equal(buildah.config(IMAGES.redirect).User, "0:0");
  output("redirect", "redirect", "--apply", "--backend=port=80,listen=[::]:15080");
  const { stdout, stderr } = spawnSync("nft", ["list", "ruleset"], { encoding: "utf8" });
  assert.match(stdout, /dport 80 .*redirect to :15080/, stderr);
});
