import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseFlags } from "../../src/cli/flags.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { readSettings } from "../../src/config/read.ts";
import { LIMIT_SETTINGS, SETTINGS } from "../../src/config/settings.ts";
import type { Config } from "../../src/config/config.ts";
import { injectPod } from "../../src/inject/inject-pod.ts";
import {
  DEFAULT_OPTIONS,
  type Fields,
  type InjectOptions,
  type Injection,
  type PodManifest,
} from "../../src/inject/injection.ts";
import { unrecorded } from "../../src/inject/record.ts";
import { DRAIN_SLACK_MS } from "../../src/proxy/control/thread-slot.ts";
import { LONGEST_CLOSE_MS } from "../../src/sidecar.ts";
import { LAST_LINES_MS } from "../../src/cli/run.ts";
import { arbitraryChoices, arbitraryPod } from "./arbitrary-pod.ts";

type Injected = Injection & { readonly kind: "injected" };
interface Container extends Fields {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly Fields[];
  readonly securityContext: Fields;
}

const APP = { name: "app", ports: [{ name: "http", containerPort: 80 }] };

function podOf(spec: Fields = {}, annotations: Fields = {}): PodManifest {
  return { metadata: { annotations }, spec: { containers: [APP], ...spec } };
}

function inject(pod: PodManifest, options: Partial<InjectOptions> = {}): Injection {
  return injectPod(pod, { ...DEFAULT_OPTIONS, ...options });
}

function injected(pod: PodManifest, options: Partial<InjectOptions> = {}): Injected {
  const result = inject(pod, options);
  assert.ok(result.kind === "injected", JSON.stringify(result));
  return result;
}

function container({ pod }: Injected, name: string): Container {
  const { containers, initContainers = [] } = pod.spec as { containers: Container[]; initContainers?: Container[] };
  const found = [...containers, ...initContainers].find((each) => each.name === name);
  assert.ok(found, `there is no container ${name}`);
  return found;
}

/** What `run` makes of the arguments and variables of a sidecar. */
async function configOf({ args, env }: Container): Promise<Config> {
  const spec = { name: "run", summary: "", usage: [], flags: [...SETTINGS, ...LIMIT_SETTINGS] };
  const { values, problems } = parseFlags(spec, args.slice(1));
  assert.deepEqual(problems, []);
  // A doubled dollar sign is one to Kubernetes.
  const filled = env.map(({ name, value }) => [
    name,
    value?.replaceAll("$$", "$") ?? (name.includes("_IP") ? "10.0.0.1" : "filled-in"),
  ]);
  const settings = await readSettings({ flags: values, env: Object.fromEntries(filled) as Record<string, string> });
  return parseConfig(settings, { parallelism: 1, inCluster: true });
}

test("whatever the pod is, it is injected and comes back, or is refused in words, and is itself never touched", async () => {
  const sidecars: Container[] = [];
  fc.assert(
    fc.property(arbitraryPod, arbitraryChoices, (pod, choices) => {
      const before = structuredClone(pod);
      const result = inject(pod, choices);
      assert.deepEqual(pod, before);
      if (result.kind === "refused")
        assert.match(`${result.field}: ${result.problem}; ${result.mend}`, /^(?:spec|metadata)\S*: .{10,}; .{10,}/);
      if (result.kind !== "injected") return;
      sidecars.push(container(result, "postern"));
      assert.deepEqual(unrecorded(result.pod), before);
      assert.deepEqual(inject(result.pod, { ...choices, injected: "replace" }), result);
      const again = inject(result.pod, choices);
      assert.equal(again.kind === "unchanged" && again.reason, "already-injected");
    }),
    { numRuns: 100 },
  );
  // What was written for the sidecar is what the sidecar reads.
  for (const sidecar of sidecars) await configOf(sidecar);
  assert.ok(sidecars.length > 0);
});

test("the sidecar's configuration: the guarded ports, the health port and the probes as they were", async () => {
  const app = {
    ...APP,
    livenessProbe: { httpGet: { path: "/live", port: "http" }, timeoutSeconds: 3 },
    readinessProbe: { httpGet: { port: 9090 } },
  };
  const result = injected(podOf({ containers: [app] }), { meshName: "osm" });
  const config = await configOf(container(result, "postern"));
  assert.deepEqual(
    config.backends.map(({ port, listen, app: to }) => [port, listen.port, to.port]),
    [[80, 15_080, 80]],
  );
  assert.deepEqual([config.health?.port, config.meshName], [15_021, "osm"]);
  assert.deepEqual(config.probes, [
    {
      path: "/probes/app/livenessProbe",
      timeoutMs: 3_000,
      ask: { kind: "http", port: 80, path: "/live", tls: false, headers: [] },
    },
  ]);
  const { livenessProbe, readinessProbe } = container(result, "app");
  assert.deepEqual(livenessProbe, { httpGet: { path: "/probes/app/livenessProbe", port: 15_021 }, timeoutSeconds: 3 });
  assert.deepEqual(readinessProbe, app.readinessProbe, "a port that is not guarded is asked as before");
});

test("with target-port nothing is root and no capability is added; with redirect only the init container is", () => {
  const targetPort = injected(podOf(), { traffic: "target-port" });
  assert.equal((targetPort.pod.spec["initContainers"] as readonly unknown[]).length, 1);
  const { securityContext } = container(targetPort, "postern");
  // Pod Security Standards, restricted.
  assert.equal(securityContext["runAsNonRoot"], true);
  assert.equal(securityContext["allowPrivilegeEscalation"], false);
  assert.equal(securityContext["readOnlyRootFilesystem"], true);
  assert.deepEqual(securityContext["seccompProfile"], { type: "RuntimeDefault" });
  assert.deepEqual(securityContext["capabilities"], { drop: ["ALL"] });
  const redirect = container(injected(podOf()), "postern-redirect");
  assert.deepEqual(redirect.securityContext["capabilities"], { drop: ["ALL"], add: ["NET_ADMIN", "NET_RAW"] });
});

test("with target-port the name of a guarded port is the sidecar's, and its number stays the application's", () => {
  const result = injected(podOf(), { traffic: "target-port" });
  assert.deepEqual(container(result, "app").ports, [{ containerPort: 80 }]);
  assert.deepEqual(container(result, "postern").ports?.[0], { name: "http", containerPort: 15_080 });
});

test("listeners keep out of the way of ports that the pod has", () => {
  const ports = [80, 15_080, 60_000, 15_100].map((containerPort) => ({ containerPort }));
  const listeners = injected(podOf({ containers: [{ name: "app", ports }] })).ports.map(({ listen }) => listen);
  assert.deepEqual(listeners, [15_081, 30_080, 15_101, 30_100]);
});

test("a listener is a port that there is, also where the last neighbour is taken", () => {
  const ports = [50_535, 65_535].map((containerPort) => ({ containerPort }));
  const listeners = injected(podOf({ containers: [{ name: "app", ports }] })).ports.map(({ listen }) => listen);
  assert.deepEqual(listeners, [15_100, 15_101]);
});

test("where no port is left to listen on, the pod is refused", () => {
  const annotations = { "postern.dev/ports": Array.from({ length: 30_000 }, (_, n) => 20_000 + n).join() };
  const result = inject(podOf({}, annotations));
  assert.equal(result.kind === "refused" && result.field, 'metadata.annotations["postern.dev/ports"]');
});

test("with target-port one port that two containers declare by one name is one port of the sidecar", () => {
  const result = injected(podOf({ containers: [APP, { ...APP, name: "debug" }] }), { traffic: "target-port" });
  const names = container(result, "postern").ports?.map(({ name }) => name);
  assert.deepEqual(names, ["http", "postern-health"]);
  assert.deepEqual(container(result, "debug").ports, [{ containerPort: 80 }]);
});

test("with target-port an init container that ends gives the sidecar no name", () => {
  const setup = { name: "setup", ports: [{ name: "http", containerPort: 8080 }] };
  const containers = [APP, { name: "other", ports: [{ name: "other", containerPort: 8080 }] }];
  const result = injected(podOf({ containers, initContainers: [setup] }), { traffic: "target-port" });
  const names = container(result, "postern").ports?.map(({ name, containerPort }) => [name, containerPort]);
  assert.deepEqual(names, [
    ["http", 15_080],
    ["other", 23_080],
    ["postern-health", 15_021],
  ]);
  assert.deepEqual(container(result, "setup").ports, setup.ports);
});

test("with target-port a name that an unguarded port has before the guarded one stays that port's", () => {
  const first = { name: "first", ports: [{ name: "http", containerPort: 9090 }] };
  const pod = podOf(
    { containers: [first, APP] },
    { "openservicemesh.io/inbound-port-exclusion-list": "9090", "postern.dev/traffic": "target-port" },
  );
  assert.deepEqual(container(injected(pod), "first").ports, first.ports);
});

for (const sidecar of ["native", "classic"] as const) {
  test(`${sidecar}: preStop, the application's own time and the sidecar's drain fit into the grace period`, async () => {
    const result = injected(podOf({ terminationGracePeriodSeconds: 50 }), { sidecar });
    const { drainDelayMs, drainDeadlineMs } = await configOf(container(result, "postern"));
    const sidecarMs = drainDelayMs + drainDeadlineMs + DRAIN_SLACK_MS + LONGEST_CLOSE_MS + LAST_LINES_MS;
    const preStopMs = sidecar === "native" ? DEFAULT_OPTIONS.preStopSeconds * 1_000 : 0;
    const graceMs = Number(result.pod.spec["terminationGracePeriodSeconds"]) * 1_000;
    assert.ok(preStopMs + 50_000 + sidecarMs <= graceMs, `${preStopMs} + 50000 + ${sidecarMs} in ${graceMs}`);
  });
}

test("a job's pod ends as before: no preStop, and its grace period stays", () => {
  const { pod } = injected(podOf({ restartPolicy: "Never", terminationGracePeriodSeconds: 5 }));
  assert.equal(pod.spec["terminationGracePeriodSeconds"], 5);
  assert.equal(container(injected(podOf({ restartPolicy: "Never" })), "app")["lifecycle"], undefined);
});

test("a preStop hook of its own stays, and is noted", () => {
  const lifecycle = { preStop: { exec: { command: ["stop"] } } };
  const result = injected(podOf({ containers: [{ ...APP, lifecycle }] }));
  assert.deepEqual(container(result, "app")["lifecycle"], lifecycle);
  assert.match(result.notes.join(), /container app has a preStop hook of its own.*10 s/);
});

test("target ports of Services are guarded although no container declares them; unknown names are of other pods", () => {
  const { ports } = injected(podOf(), { targetPorts: [8080, "http", "elsewhere"] });
  assert.deepEqual(
    ports.map(({ port }) => port),
    [80, 8080],
  );
});

const choices: readonly (readonly [
  what: string,
  pod: PodManifest,
  options: Partial<InjectOptions>,
  reason: string | readonly number[],
])[] = [
  ["OSM's annotation switches off", podOf({}, { "openservicemesh.io/sidecar-injection": "disabled" }), {}, "disabled"],
  [
    "OSM's annotation switches on",
    podOf({}, { "openservicemesh.io/sidecar-injection": "Enabled" }),
    { injectByDefault: false },
    [80],
  ],
  [
    "a label of that name does too",
    { metadata: { labels: { "openservicemesh.io/sidecar-injection": "no" } }, spec: { containers: [APP] } },
    {},
    "disabled",
  ],
  [
    "the annotation wins over the label",
    {
      metadata: {
        labels: { "openservicemesh.io/sidecar-injection": "no" },
        annotations: { "openservicemesh.io/sidecar-injection": "yes" },
      },
      spec: { containers: [APP] },
    },
    {},
    [80],
  ],
  ["nobody has said anything", podOf(), { injectByDefault: false }, "not-selected"],
  ["a job without ports", podOf({ restartPolicy: "Never", containers: [{ name: "job" }] }), {}, "no-ports"],
  [
    "OSM's exclusion list",
    podOf(
      { containers: [{ name: "a", ports: [{ containerPort: 80 }, { containerPort: 9090 }] }] },
      { "openservicemesh.io/inbound-port-exclusion-list": "9090, 6379" },
    ),
    {},
    [80],
  ],
  ["exactly these ports", podOf({}, { "postern.dev/ports": "http,8080" }), {}, [80, 8080]],
  [
    "UDP is not guarded",
    podOf({ containers: [{ name: "a", ports: [{ containerPort: 53, protocol: "UDP" }, { containerPort: 54 }] }] }),
    {},
    [54],
  ],
];
for (const [what, pod, options, expected] of choices) {
  test(`${what}: ${JSON.stringify(expected)}`, () => {
    const result = inject(pod, options);
    if (typeof expected === "string") assert.equal(result.kind === "unchanged" ? result.reason : result.kind, expected);
    else assert.deepEqual(result.kind === "injected" ? result.ports.map(({ port }) => port) : result, expected);
  });
}

const hook = (action: Fields): Fields => ({ containers: [{ ...APP, lifecycle: { postStart: action } }] });
const refusals: readonly (readonly [what: string, pod: PodManifest, field: RegExp, mend: RegExp])[] = [
  ["hostNetwork", podOf({ hostNetwork: true }), /^spec\.hostNetwork$/, /remove hostNetwork/],
  ["Windows", podOf({ os: { name: "windows" } }), /^spec\.os\.name$/, /switch injection off/],
  [
    "no port to guard",
    podOf({ containers: [{ name: "a" }] }),
    /^spec\.containers\[\]\.ports$/,
    /declare containerPort/,
  ],
  [
    "all ports excluded",
    podOf({}, { "openservicemesh.io/inbound-port-exclusion-list": "80" }),
    /ports/,
    /postern\.dev\/ports/,
  ],
  [
    "the admin port",
    podOf({ containers: [{ name: "a", ports: [{ containerPort: 15_000 }] }] }),
    /containers\[0\]\.ports\[0\]/,
    /another port/,
  ],
  [
    "a container of our name",
    podOf({ containers: [APP, { name: "postern" }] }),
    /containers\[1\]\.name/,
    /another name/,
  ],
  ["a volume of our names", podOf({ volumes: [{ name: "postern-tls" }] }), /volumes\[0\]\.name/, /another name/],
  [
    "a hook at a guarded port",
    podOf(hook({ httpGet: { port: "http" } })),
    /lifecycle\.postStart\.httpGet/,
    /use exec or sleep/,
  ],
  [
    "a native sidecar's hook at a guarded port",
    podOf({
      initContainers: [{ name: "agent", restartPolicy: "Always", lifecycle: { preStop: { httpGet: { port: 80 } } } }],
    }),
    /^spec\.initContainers\[0\]\.lifecycle\.preStop\.httpGet$/,
    /use exec or sleep/,
  ],
  [
    "a name of two guarded ports, of which the sidecar could have one",
    podOf(
      { containers: [APP, { name: "b", ports: [{ name: "http", containerPort: 8080 }] }] },
      { "postern.dev/traffic": "target-port" },
    ),
    /^spec\.containers\[1\]\.ports\[0\]\.name$/,
    /another name/,
  ],
  [
    "a name of a guarded port that would fall to another container",
    podOf(
      { containers: [APP, { name: "b", ports: [{ name: "http", containerPort: 9090 }] }] },
      { "postern.dev/traffic": "target-port", "openservicemesh.io/inbound-port-exclusion-list": "9090" },
    ),
    /^spec\.containers\[1\]\.ports\[0\]\.name$/,
    /another name/,
  ],
  [
    "a host port past the sidecar",
    podOf(
      { containers: [{ name: "a", ports: [{ containerPort: 80, hostPort: 80 }] }] },
      { "postern.dev/traffic": "target-port" },
    ),
    /hostPort/,
    /redirect/,
  ],
  [
    "a word that OSM has not",
    podOf({}, { "openservicemesh.io/sidecar-injection": "maybe" }),
    /sidecar-injection/,
    /enabled or disabled/,
  ],
  ["an unknown way", podOf({}, { "postern.dev/traffic": "magic" }), /traffic/, /redirect or target-port/],
  [
    "a list of words",
    podOf({}, { "openservicemesh.io/inbound-port-exclusion-list": "http" }),
    /exclusion-list/,
    /port numbers/,
  ],
  ["a port that nobody declares", podOf({}, { "postern.dev/ports": "grpc" }), /postern\.dev\/ports/, /number/],
  ["no containers", { spec: {} }, /^spec\.containers/, /./],
  ["containers without names", podOf({ containers: [{ image: "x" }] }), /^spec\.containers$/, /Kubernetes API/],
];
for (const [what, pod, field, mend] of refusals) {
  test(`${what} is refused with field and mend`, () => {
    const result = inject(pod);
    assert.ok(result.kind === "refused", result.kind);
    assert.match(result.field, field);
    assert.match(result.mend, mend);
  });
}

test("a classic sidecar, which would keep a job from its end, is refused there", () => {
  const result = inject(podOf({ restartPolicy: "OnFailure" }), { sidecar: "classic" });
  assert.equal(result.kind === "refused" && result.field, "spec.restartPolicy");
});

test("a record that cannot be read is refused, not guessed", () => {
  const { pod } = injected(podOf());
  const annotations = { "postern.dev/injected": "{}" };
  const broken = { ...pod, metadata: { annotations } };
  assert.equal(inject(broken, { injected: "replace" }).kind, "refused");
  assert.equal(unrecorded(broken), undefined);
});
