/** Pods as they might be, for property tests: whatever is here can be injected or is refused in words. */
import fc from "fast-check";

const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/).filter((text) => !text.startsWith("postern"));
const port = fc.oneof(fc.constantFrom(80, 443, 8080, 9090), fc.integer({ min: 1, max: 65_535 }));
/** What breaks printers: signs, lines, quotes, what YAML 1.1 takes for something else. */
const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.constantFrom(
    "yes",
    "on",
    "0x10",
    "1e3",
    "null",
    "~",
    "",
    " a ",
    "a\nb",
    "a\n\nb\n",
    "# c",
    "a: b",
    "- a",
    "{",
    "&a",
    "*a",
    "'",
    '"',
    "%",
    "@",
  ),
);
const labels = fc.dictionary(name, text, { maxKeys: 3 });

const portRef = fc.oneof(port, fc.constantFrom("http", "metrics"));
const action = fc.oneof(
  fc.record({
    httpGet: fc.record(
      { path: text, port: portRef, scheme: fc.constantFrom("HTTP", "HTTPS") },
      { requiredKeys: ["port"] },
    ),
  }),
  fc.record({
    httpGet: fc.record({ port: portRef, httpHeaders: fc.array(fc.record({ name, value: text }), { maxLength: 2 }) }),
  }),
  fc.record({ tcpSocket: fc.record({ port: portRef }) }),
  fc.record({ grpc: fc.record({ port, service: text }, { requiredKeys: ["port"] }) }),
  fc.record({ exec: fc.record({ command: fc.array(text, { maxLength: 3 }) }) }),
);
const probe = fc
  .tuple(
    action,
    fc.record({ periodSeconds: fc.nat(60), timeoutSeconds: fc.integer({ min: 1, max: 60 }) }, { requiredKeys: [] }),
  )
  .map(([what, when]) => ({ ...what, ...when }));

const container = fc.record(
  {
    name,
    image: text,
    ports: fc.array(
      fc.record(
        {
          name: fc.constantFrom("http", "metrics", "dns"),
          containerPort: port,
          protocol: fc.constantFrom("TCP", "UDP"),
        },
        { requiredKeys: ["containerPort"] },
      ),
      { maxLength: 3 },
    ),
    env: fc.array(fc.record({ name, value: text }), { maxLength: 2 }),
    livenessProbe: probe,
    readinessProbe: probe,
    lifecycle: fc.oneof(
      fc.constant({}),
      fc.constant({ preStop: { exec: { command: ["true"] } } }),
      fc.constant({ postStart: { exec: { command: ["true"] } } }),
    ),
  },
  { requiredKeys: ["name"] },
);

const named = fc.uniqueArray(fc.record({ name, emptyDir: fc.constant({}) }), {
  selector: (item) => item.name,
  maxLength: 2,
});

export const arbitraryPod = fc
  .record(
    {
      metadata: fc.record(
        {
          labels,
          annotations: fc.oneof(
            labels,
            fc.constant({ "openservicemesh.io/inbound-port-exclusion-list": "9090" }),
            fc.constant({ "postern.dev/traffic": "target-port" }),
          ),
        },
        { requiredKeys: [] },
      ),
      spec: fc.record(
        {
          containers: fc.uniqueArray(container, { selector: (item) => item.name, minLength: 1, maxLength: 3 }),
          initContainers: fc.uniqueArray(container, { selector: (item) => item.name, maxLength: 1 }),
          volumes: named,
          restartPolicy: fc.constantFrom("Always", "OnFailure", "Never"),
          terminationGracePeriodSeconds: fc.nat(100),
        },
        { requiredKeys: ["containers"] },
      ),
    },
    { requiredKeys: ["spec"] },
  )
  // Of ordinary objects, as a parser makes them.
  .map((pod) => structuredClone(pod));

export const arbitraryChoices = fc.record({
  traffic: fc.constantFrom("redirect", "target-port"),
  sidecar: fc.constantFrom("native", "classic"),
  certificate: fc.constantFrom({ kind: "none" } as const, { kind: "secret", name: "s" } as const),
  preStopSeconds: fc.constantFrom(0, 10),
} as const);
