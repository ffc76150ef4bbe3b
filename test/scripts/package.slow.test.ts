/** What `npm pack` makes: installed from the file, without a network, somewhere else. */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ExecFileSyncOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { delimiter, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { freePorts } from "../support/process/ports.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const root = join(import.meta.dirname, "../..");
const directory = temporaryDirectory();
const home = join(directory.path, "elsewhere");
const installed = join(home, "node_modules/postern");
/** npm runs on the Node that runs this. */
const env = { ...process.env, PATH: [dirname(process.execPath), process.env["PATH"]].join(delimiter) };

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

let packed: Packed;

function npm(args: readonly string[], options: ExecFileSyncOptions): string {
  return execFileSync("npm", args, { env, encoding: "utf8", stdio: "pipe", ...options }).toString();
}

before(() => {
  const report = npm(["pack", "--json", "--pack-destination", directory.path], { cwd: root });
  // Scripts that npm runs may have written before it.
  [packed] = JSON.parse(report.slice(report.indexOf("[\n"))) as [Packed];
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), JSON.stringify({ name: "elsewhere", type: "module" }));
  npm(["install", "--offline", "--no-audit", "--no-fund", join(directory.path, packed.filename)], { cwd: home });
});

after(() => directory[Symbol.dispose]());

test("it holds the command, the policy library with its types, the manifests of config and the documentation; below 2 MB", () => {
  const folders = packed.files.map(({ path }) =>
    path.replace(/^(config|docs)\/.*/, "$1").replace(/\/[^/]*$/, (file) => (file.endsWith(".d.ts") ? "" : file)),
  );
  const others = new Set(folders.filter((path) => !/^dist\/command\/[\w-]+\.mjs$/.test(path)));
  assert.deepEqual([...others].sort(), [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "bench/README.md",
    "bin/postern.js",
    "config",
    "conformance/README.md",
    "dist/command/LICENSES.txt",
    "dist/policy.mjs",
    "dist/types",
    "dist/types/discovery",
    "dist/types/discovery/manifests",
    "dist/types/policy",
    "dist/types/policy/address",
    "dist/types/policy/compile",
    "dist/types/policy/objects",
    "docs",
    "package.json",
  ]);
  assert.ok(packed.size < 2_000_000, `${packed.size} bytes`);
});

test("what its README and the pages of docs link to is in it", () => {
  const pages = ["README.md", ...packed.files.map(({ path }) => path).filter((path) => /^docs\/[^/]+\.md$/.test(path))];
  assert.ok(pages.includes("docs/policy-library.md"));
  const broken = pages.flatMap((page) =>
    [...readFileSync(join(installed, page), "utf8").matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !existsSync(join(installed, dirname(page), link)))
      .map((link) => `${page}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

test("it brings no other package along, and the licence of each that is bundled in", () => {
  assert.ok(!existsSync(join(home, "node_modules/undici")));
  const licences = readFileSync(join(installed, "dist/command/LICENSES.txt"), "utf8");
  for (const name of ["http-proxy", "lru-cache", "node-forge", "pino", "undici", "yaml", "@kubernetes/client-node"])
    assert.match(licences, new RegExp(`^== ${name} \\d`, "m"));
});

test("npx postern demo serves what its policy allows, and ends on a signal", async () => {
  const [app, http, https, admin] = (await freePorts(4)).map(String);
  const flags = [`--app-port=${app}`, `--http-port=${http}`, `--https-port=${https}`, `--admin-port=${admin}`];
  const demo = spawn(join(home, "node_modules/.bin/postern"), ["demo", ...flags], {
    cwd: home,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    const log = text(demo.stderr);
    let said = "";
    for await (const chunk of demo.stdout) if ((said += String(chunk)).includes("Ctrl-C stops")) break;
    assert.match(said, /Postern guards an application/, said === "" ? await log : said);
    assert.match(said, /The policies are in node_modules\/postern\/config\/demo\./);
    const response = await new Promise<number | undefined>((resolve, reject) => {
      get(`http://127.0.0.1:${http}/hello`, (answer) => resolve(answer.resume().statusCode)).on("error", reject);
    });
    assert.equal(response, 200);
  } finally {
    demo.kill("SIGTERM");
  }
  assert.deepEqual(await once(demo, "exit"), [0, null]);
});

test("the program of docs/policy-library.md compiles against the package's types and runs on it", () => {
  const page = readFileSync(join(root, "docs/policy-library.md"), "utf8");
  const blocks = [...page.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code);
  assert.equal(blocks.length, 5);
  const program = join(home, "example.ts");
  writeFileSync(program, blocks.join("\n"));
  symlinkSync(join(root, "node_modules/@types"), join(home, "node_modules/@types"));
  symlinkSync(join(root, "node_modules/undici-types"), join(home, "node_modules/undici-types"));
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const flags = ["--noEmit", "--strict", "--noUncheckedIndexedAccess", "--module", "nodenext", "--target", "es2024"];
  execFileSync(process.execPath, [compiler, ...flags, "--types", "node", program], { cwd: home, stdio: "pipe" });
  execFileSync(process.execPath, [program], { cwd: home, stdio: "pipe" });
});
