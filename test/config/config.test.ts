import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse as parseYaml } from "yaml";
import { DEFAULT_LIMITS, type Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/parse.ts";
import { readConfig } from "../../src/config/read.ts";
import { envName, LIMIT_SETTINGS, SETTINGS } from "../../src/config/settings.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const SURROUNDINGS = { parallelism: 3, inCluster: false };
const NEEDED = { manifests: "/m", backend: "port=80", service: "foo" };

async function configOf(input: {
  readonly flags?: Readonly<Record<string, string | readonly string[]>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: string;
}): Promise<Config> {
  const flags = new Map(Object.entries(input.flags ?? {}).map(([name, value]) => [name, [value].flat()]));
  const file = input.file === undefined ? {} : { file: input.file };
  return readConfig({ flags, env: input.env ?? {}, ...file }, SURROUNDINGS);
}

async function problemsOf(input: Parameters<typeof configOf>[0]): Promise<readonly string[]> {
  try {
    await configOf(input);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  assert.fail("the configuration was taken");
}

test("with nothing but a source of policy and a backend, the defaults of the design are in force", async () => {
  const config = await configOf({ flags: NEEDED });
  assert.deepEqual(config.limits, DEFAULT_LIMITS);
  assert.deepEqual(config.backends, [
    { port: 80, listen: { host: "::", port: 15_080 }, listenByDefault: true, app: { host: "127.0.0.1", port: 80 } },
  ]);
  assert.deepEqual(config.admin, { host: "127.0.0.1", port: 15_000 });
  assert.deepEqual(
    [config.workers, config.drainDelayMs, config.drainDeadlineMs, config.maxStaleMs, config.meshName],
    [3, 5_000, 25_000, undefined, undefined],
  );
  assert.ok(Object.isFrozen(config));
});

test("flags win over the environment, the environment over the file", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "postern.yaml");
  writeFileSync(
    file,
    "manifests: /m\nservice: foo\nbackend: [port=80, port=81]\nmesh-name: file\nworkers: 1\nmax-headers: 7\n",
  );
  const env = { POSTERN_MESH_NAME: "environment", POSTERN_WORKERS: "2" };
  const config = await configOf({ flags: { workers: "4" }, env, file });
  assert.deepEqual([config.workers, config.meshName, config.limits.maxHeaders], [4, "environment", 7]);
  assert.deepEqual(
    config.backends.map(({ port }) => port),
    [80, 81],
  );
});

test("every setting has a variable of its own, and every limit can be set by it", async () => {
  for (const { key, name, kind } of LIMIT_SETTINGS) {
    const [text, value] = kind === "duration" ? ["7s", 7_000] : kind === "bytes" ? ["9000", 9_000] : ["7", 7];
    const config = await configOf({ flags: NEEDED, env: { [envName(name)]: text } });
    assert.equal(config.limits[key], value, name);
  }
  const names = [...SETTINGS, ...LIMIT_SETTINGS].map(({ name }) => envName(name));
  assert.equal(new Set(names).size, names.length);
});

test("the annotated file names every setting once, and is YAML", async () => {
  const text = readFileSync(join(import.meta.dirname, "../../config/postern.yaml"), "utf8");
  const documented = [...text.matchAll(/^#? ?(?!yaml-language-server)([a-z][a-z-]+):/gm)].map(([, name]) => name!);
  const known = [...SETTINGS, ...LIMIT_SETTINGS].map(({ name }) => name);
  assert.deepEqual(documented.toSorted(), known.toSorted());
  assert.equal(typeof parseYaml(text), "object");
});

test("every problem is reported at once, each by the name under which it was given", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "postern.yaml");
  writeFileSync(file, "drain-delay: soon\nworkers: many\n");
  const problems = await problemsOf({
    flags: { ...NEEDED, "max-stale": "-1s", backend: ["port=0", "port=80,listen=x"], "access-log": "maybe" },
    env: { POSTERN_LOG_LEVEL: "loud", POSTERN_TLS_CERT: "/only/one" },
    file,
  });
  const text = problems.join("\n");
  for (const name of [
    "drain-delay",
    "workers",
    "--max-stale",
    "--backend",
    "--access-log",
    "POSTERN_LOG_LEVEL",
    "tls-key",
  ])
    assert.match(text, new RegExp(name), name);
  for (const problem of problems) assert.match(problem, /expected|must|needs|give|together|missing/i, problem);
});

const REQUESTED = { "csr-signer": "postern.dev/osm", "tls-ca": "/ca.crt", "service-account": "shop" };

test("a certificate is asked for by the name of the pod's service account", async () => {
  const { "service-account": account, ...flags } = REQUESTED;
  const asked = { signer: "postern.dev/osm", ca: "/ca.crt" };
  const named = { ...NEEDED, ...flags, namespace: "test", "trust-domain": "mesh.example" };
  assert.deepEqual((await configOf({ flags: named, env: { SERVICE_ACCOUNT: account } })).tls, {
    kind: "csr",
    asked: { ...asked, name: "shop.test.mesh.example" },
  });
  assert.deepEqual((await configOf({ flags: { ...NEEDED, ...REQUESTED } })).tls, {
    kind: "csr",
    asked: { ...asked, name: "shop.default.cluster.local" },
  });
});

test("what cannot be meant is refused", async () => {
  const refused = [
    [{ flags: { backend: "port=80" } }, /manifests|kubernetes/],
    [{ flags: { manifests: "/m" } }, /backend/],
    [{ flags: { ...NEEDED, kubernetes: "" } }, /manifests.*kubernetes|kubernetes.*manifests|one of/],
    [{ flags: { ...NEEDED, backend: ["port=80", "port=80"] } }, /80/],
    [{ flags: { ...NEEDED, backend: ["port=80", "port=81,listen=[::]:15080"] } }, /15080/],
    [{ flags: { ...NEEDED, backend: "port=80,listen=127.0.0.1:80,app=127.0.0.1:80" } }, /own listener/],
    [{ flags: { ...NEEDED, "revoke-grace": "11s" } }, /10s|10 s/],
    [{ flags: { ...NEEDED, "otlp-endpoint": "collector:4318" } }, /URL such as/],
    [{ flags: { ...NEEDED, "otlp-endpoint": "http://c:4318", "trace-ratio": "1.5" } }, /share from 0 to 1/],
    [{ flags: { ...NEEDED, "trace-ratio": "0.1" } }, /needs --otlp-endpoint/],
    [{ flags: { ...NEEDED, "spiffe-endpoint": "tcp://127.0.0.1:8081" } }, /unix socket by its absolute path/],
    [{ flags: { ...NEEDED, "spiffe-endpoint": "unix:agent.sock" } }, /unix socket by its absolute path/],
    [{ flags: { ...NEEDED, "spiffe-endpoint": `unix:///${"x".repeat(107)}` } }, /at most 107 bytes/],
    [
      { flags: { ...NEEDED, "spiffe-endpoint": "unix:///s", "tls-ca": "/ca.crt" } },
      /--spiffe-endpoint and --tls-ca exclude/,
    ],
    [{ flags: { ...NEEDED, "csr-signer": "postern.dev/osm" } }, /needs --tls-ca[^]*needs --service-account/],
    [{ flags: { ...NEEDED, ...REQUESTED, "csr-signer": "osm" } }, /expected a signer such as postern\.dev\/osm/],
    [{ flags: { ...NEEDED, ...REQUESTED, "tls-key": "/tls.key" } }, /--csr-signer and --tls-key exclude/],
    [{ flags: { ...NEEDED, "tls-resumption": "maybe" } }, /--tls-resumption has the value.*one of off, on/],
    [{ flags: { ...NEEDED, "pod-ip": "10.0.0.1,here" } }, /--pod-ip has the value.*expected an address/],
    [{ flags: NEEDED, env: { POSTERN_MESHNAME: "x" } }, /POSTERN_MESHNAME.*did you mean .POSTERN_MESH_NAME/],
    [
      { flags: { ...NEEDED, service: "shop/cart" } },
      /--service: 'shop\/cart' is no Service name; did you mean --service cart --namespace shop\?/,
    ],
    [{ flags: { ...NEEDED, service: "Cart" } }, /--service: 'Cart' is no Service name; expected a DNS label/],
    [{ flags: { ...NEEDED, admin: "0.0.0.0:15000" } }, /loopback/],
    [{ flags: { ...NEEDED, probes: "{}}" } }, /JSON such as/],
    [{ flags: { ...NEEDED, probes: '{"/probes/a/b":{"tcpSocket":{"port":80}}}' } }, /needs --health/],
    [{ flags: { ...NEEDED, probes: '{"/livez":{"tcpSocket":{"port":80}}}' } }, /'\/livez' is no path for a probe/],
    [{ flags: { ...NEEDED, probes: '{"/probes/a/b":{"tcpSocket":{"port":"http"}}}' } }, /port \(a number\)/],
    [
      { flags: { ...NEEDED, probes: '{"/probes/a/b":{"exec":{"command":["sh"]}}}' } },
      /one of httpGet, tcpSocket, grpc/,
    ],
    [{ flags: { ...NEEDED, probes: '{"/probes/a/b":{"httpGet":{"port":80,"host":"10.0.0.1"}}}' } }, /one of httpGet/],
    [{ flags: { ...NEEDED, probes: '{"/probes/a/b":{"grpc":{"port":80},"timeoutSeconds":0}}' } }, /timeoutSeconds/],
  ] as const;
  for (const [input, expected] of refused) assert.match((await problemsOf(input)).join("\n"), expected);
});

test("a Workload API is named by flag or by SPIFFE_ENDPOINT_SOCKET, which takes nothing from who has named files", async () => {
  const named = { kind: "workload-api", socket: "/run/agent.sock" };
  const env = { SPIFFE_ENDPOINT_SOCKET: "unix:///run/agent.sock" };
  assert.deepEqual((await configOf({ flags: NEEDED, env })).tls, named);
  assert.deepEqual((await configOf({ flags: { ...NEEDED, "spiffe-endpoint": "unix:/run/agent.sock" } })).tls, named);
  const files = { "tls-cert": "/tls.crt", "tls-key": "/tls.key", "tls-ca": "/ca.crt" };
  assert.equal((await configOf({ flags: { ...NEEDED, ...files }, env })).tls?.kind, "files");
});

test("the pod's addresses come from the downward API: status.podIPs, else status.podIP", async () => {
  const env = { POD_IP: "10.0.0.1", POD_IPS: "10.0.0.1,fd00::1" };
  assert.deepEqual((await configOf({ flags: NEEDED, env })).podIps, ["10.0.0.1", "fd00::1"]);
  assert.deepEqual((await configOf({ flags: NEEDED, env: { POD_IP: "10.0.0.1" } })).podIps, ["10.0.0.1"]);
  assert.deepEqual((await configOf({ flags: { ...NEEDED, "pod-ip": "10.0.0.2" }, env })).podIps, ["10.0.0.2"]);
  assert.deepEqual((await configOf({ flags: NEEDED })).podIps, []);
});

test("what Kubernetes itself puts into the environment is no setting", async () => {
  const env = { POSTERN_SERVICE_HOST: "10.0.0.1", POSTERN_PORT_80_TCP: "tcp://10.0.0.1:80" };
  assert.equal((await configOf({ flags: NEEDED, env })).backends.length, 1);
});

test("what is misspelt hides no value that is wrong, and a file that cannot be read hides what it may have said", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "postern.yaml");
  writeFileSync(file, "mesh_name: osm\nmax-stale: 30d\n");
  const env = { POSTERN_WORKERZ: "2" };
  const problems = await problemsOf({ flags: { ...NEEDED, admin: "nowhere" }, env, file });
  for (const pattern of [/mesh_name/, /POSTERN_WORKERZ/, /max-stale.*30d.*in ms, s, m or h/, /--admin has the value/])
    assert.equal(problems.filter((problem) => pattern.test(problem)).length, 1, `${pattern}: ${problems.join("; ")}`);
  assert.equal((await problemsOf({ file: "/nowhere/postern.yaml" })).length, 1);
  writeFileSync(file, "manifests: [\n");
  const [problem, ...others] = await problemsOf({ file });
  assert.match(problem ?? "", /postern\.yaml is no YAML: Flow sequence .* at line 2, column 1$/);
  assert.deepEqual(others, []);
});

test("a key of the file that is near a known one is suggested, and a device is no file", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "postern.yaml");
  writeFileSync(file, "mesh_name: osm\nworkerz: 2\nfrobnicate: 1\n");
  const problems = (await problemsOf({ flags: NEEDED, file })).join("\n");
  assert.match(problems, /unknown key 'mesh_name', did you mean 'mesh-name'\?/);
  assert.match(problems, /unknown key 'workerz', did you mean 'workers'\?/);
  assert.match(problems, /unknown key 'frobnicate'; keys are named/);
  assert.doesNotMatch(problems, /\?;/);
  assert.match(
    (await problemsOf({ flags: NEEDED, file: "/dev/zero" })).join(),
    /\/dev\/zero cannot be read: it is no file but a device, pipe or socket/,
  );
});
