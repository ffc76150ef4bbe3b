/**
 * The command as files that Node runs without this checkout: `postern.mjs`, the chunks that it loads on demand, and the
 * data-plane thread beside it, since a worker needs a file of its own to start from. What others wrote is bundled in, and
 * its licences stand in LICENSES.txt.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Metafile, type Plugin } from "esbuild";

const ROOT = join(import.meta.dirname, "..");

const ENTRIES = { postern: "src/main.ts", thread: "src/proxy/thread/thread.ts" };

export interface BuildOptions {
  readonly outDir: string;
  /** For the debugger: larger than the files themselves. */
  readonly sourcemap: boolean;
}

/**
 * The client imports a thousand generated classes of which reading a kubeconfig uses none. It does not say that its
 * modules have no effects; that they have none is known of the pinned version.
 */
const PRUNED_CLIENT: Plugin = {
  name: "pruned-client",
  setup(bundler) {
    const within = /[\\/]@kubernetes[\\/]client-node[\\/]/;
    bundler.onResolve(
      { filter: /^\.|^@kubernetes\/client-node$/ },
      async ({ path, importer, resolveDir, kind, pluginData }) => {
        if (pluginData === PRUNED_CLIENT || !(within.test(importer) || path === "@kubernetes/client-node"))
          return undefined;
        const found = await bundler.resolve(path, { importer, resolveDir, kind, pluginData: PRUNED_CLIENT });
        return found.errors.length > 0 ? found : { path: found.path, sideEffects: false };
      },
    );
  },
};

/** Of undici the sources use the client of one server; the package's entry brings fetch, WebSockets, caches and mocks along. */
const PRUNED_UNDICI: Plugin = {
  name: "pruned-undici",
  setup(bundler) {
    bundler.onResolve({ filter: /^undici$/ }, ({ importer }) =>
      importer.startsWith(join(ROOT, "src")) ? { path: "undici", namespace: "pruned-undici" } : undefined,
    );
    bundler.onLoad({ filter: /.*/, namespace: "pruned-undici" }, () => ({
      contents: `import api from "undici/lib/api/index.js";
        import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
        export { default as Client } from "undici/lib/dispatcher/client.js";
        export { default as buildConnector } from "undici/lib/core/connect.js";
        Object.assign(Dispatcher.prototype, api);`,
      resolveDir: ROOT,
    }));
  },
};

/**
 * Node makes the exports of a module of its own by reading each of them, and `node:http` has some (`WebSocket`) that load
 * Node's copy of undici: 14 MiB and 100 ms for each thread that imports it. What is required is read by nobody.
 */
const REQUIRED_HTTP: Plugin = {
  name: "required-http",
  setup(bundler) {
    bundler.onResolve({ filter: /^(?:node:)?http$/ }, ({ kind }) =>
      kind === "require-call"
        ? { path: "node:http", external: true }
        : { path: "node:http", namespace: kind === "dynamic-import" ? "imported-http" : "required-http" },
    );
    // What is imported on demand has names, which no module of CommonJS has behind such an import.
    bundler.onLoad({ filter: /.*/, namespace: "imported-http" }, () => ({
      contents: 'const http = require("node:http"); export const { Agent, request } = http; export default http;',
    }));
    bundler.onLoad({ filter: /.*/, namespace: "required-http" }, () => ({
      contents: 'module.exports = require("node:http");',
    }));
  },
};

export async function buildCommand({ outDir, sourcemap }: BuildOptions): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    outdir: outDir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    platform: "node",
    target: "node24",
    format: "esm",
    minify: false,
    sourcemap: sourcemap && "linked",
    plugins: [PRUNED_CLIENT, PRUNED_UNDICI, REQUIRED_HTTP],
    // CommonJS dependencies call require() for Node's own modules; an ES module has none unless it makes one.
    banner: {
      js: 'import { createRequire as postern$createRequire } from "node:module"; const require = postern$createRequire(import.meta.url);',
    },
    metafile: true,
    logLevel: "warning",
  });
  writeFileSync(join(outDir, "LICENSES.txt"), packageFolders(metafile).map(licenceOf).join("\n\n"));
}

/** `postern/policy`: one file that imports nothing. */
export async function buildPolicyLibrary(outDir: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: { policy: "src/policy-library.ts" },
    outdir: outDir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "neutral",
    target: "node24",
    format: "esm",
    logLevel: "warning",
  });
}

/** Folders of the packages of which a byte is in an output, relative to the checkout. */
function packageFolders({ outputs }: Metafile): readonly string[] {
  const inputs = Object.values(outputs).flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([path, { bytesInOutput }]) => {
    const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
    return folder === undefined || bytesInOutput === 0 ? [] : [folder];
  });
  return [...new Set(folders)].sort();
}

/** @throws when a package says neither under which licence it stands nor brings its text */
function licenceOf(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as Readonly<
    Record<string, unknown>
  >;
  const texts = readdirSync(join(ROOT, folder))
    .filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file))
    .map((file) => readFileSync(join(ROOT, folder, file), "utf8").trim());
  const { name, version, license } = manifest;
  if (texts.length === 0 && typeof license !== "string")
    throw new Error(`${folder} has no licence: neither a file nor a field of its package.json; it cannot be shipped`);
  return [`== ${String(name)} ${String(version)} (${String(license)})`, ...texts].join("\n\n");
}
