/** What Postern speaks of TLS: 1.2 with forward secrecy and AEAD, and 1.3; nothing else, whoever asks. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { connect, getCiphers, type ConnectionOptions, type TLSSocket } from "node:tls";
import { startApplication, type TestApplication } from "../support/application/application.ts";
import { makeCertificate, type Made } from "../support/mesh/certificates.ts";
import { backend, policy, principal, range } from "../support/mesh/objects.ts";
import { startSidecar, type TestSidecar } from "../support/process/sidecar.ts";

const EDGE = "edge.gateways.cluster.local";
const root = makeCertificate({ subject: "mesh", ca: true });
const pair = makeCertificate({ subject: "edge", issuer: root, dns: [EDGE] });
const KINDS = ["p256", "rsa"] as const;
const sidecars = new Map<(typeof KINDS)[number], TestSidecar>();
let application: TestApplication;

const AEAD_1_2 = ["aes128-gcm-sha256", "aes256-gcm-sha384", "chacha20-poly1305"];
const SUITES_1_3 = ["tls_aes_128_gcm_sha256", "tls_aes_256_gcm_sha384", "tls_chacha20_poly1305_sha256"];

before(async () => {
  application = await startApplication();
  for (const kind of KINDS) {
    const own = makeCertificate({ subject: "foo", issuer: root, dns: ["foo.test.cluster.local"], kind });
    const open = backend("foo", 80, "https", { skipClientCertValidation: true });
    const mutual = backend("foo", 81, "https", { skipClientCertValidation: false });
    const sidecar = await startSidecar({
      manifests: [
        policy([open], [range("127.0.0.0/8")]),
        policy([mutual], [range("127.0.0.0/8"), principal(EDGE)], "test/mutual"),
      ],
      backends: [{ app: application.port }, { port: 81, app: application.port }],
      tls: { ...own, caPem: root.certPem },
    });
    sidecars.set(kind, sidecar);
  }
});

after(async () => {
  for (const sidecar of sidecars.values()) await sidecar[Symbol.asyncDispose]();
  await application[Symbol.asyncDispose]();
});

interface Outcome {
  /** `secureConnect`, errors by their code, `end`, in their order. */
  readonly events: readonly string[];
  readonly cipher?: string;
  readonly socket: TLSSocket;
}

/** Until the handshake is over, or with `toEnd` until the connection is. */
async function handshake(
  kind: (typeof KINDS)[number],
  options: ConnectionOptions,
  port = 80,
  toEnd = false,
): Promise<Outcome> {
  const socket = connect({
    host: "127.0.0.1",
    port: sidecars.get(kind)!.port(port),
    rejectUnauthorized: false,
    ...options,
  });
  const events: string[] = [];
  let cipher: string | undefined;
  socket.on("secureConnect", () => {
    events.push("secureConnect");
    cipher = socket.getCipher().name;
  });
  socket.on("error", (error: NodeJS.ErrnoException) => events.push(error.code ?? error.message));
  socket.on("end", () => events.push("end"));
  socket.resume();
  await (toEnd ? once(socket, "close") : Promise.race([once(socket, "secureConnect"), once(socket, "close")])).catch(
    () => undefined,
  );
  if (!toEnd) socket.destroy();
  return { events, socket, ...(cipher !== undefined && { cipher }) };
}

const only = (version: "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3", ciphers = "ALL@SECLEVEL=0"): ConnectionOptions => ({
  minVersion: version,
  maxVersion: version,
  ciphers,
});

for (const kind of KINDS) {
  const exchange = kind === "rsa" ? "ecdhe-rsa-" : "ecdhe-ecdsa-";
  test(`${kind}: of all cipher suites that OpenSSL knows, TLS 1.2 takes the ECDHE ones with AEAD, and 1.3 its three`, async () => {
    const taken: string[] = [];
    for (const name of getCiphers()) {
      const version = name.startsWith("tls_") ? "TLSv1.3" : "TLSv1.2";
      const spelled = version === "TLSv1.3" ? name.toUpperCase() : `${name.toUpperCase()}@SECLEVEL=0`;
      const { cipher } = await handshake(kind, only(version, spelled));
      if (cipher !== undefined) taken.push(cipher.toLowerCase());
    }
    assert.deepEqual(taken.toSorted(), [...AEAD_1_2.map((name) => exchange + name), ...SUITES_1_3].toSorted());
  });

  test(`${kind}: TLS 1.0 and 1.1 get the alert that says so`, async () => {
    for (const version of ["TLSv1", "TLSv1.1"] as const) {
      const { events } = await handshake(kind, only(version));
      assert.deepEqual(events, ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION"], version);
    }
  });
}

test("a caller that renegotiates gets nothing", async () => {
  const socket = connect({
    host: "127.0.0.1",
    port: sidecars.get("p256")!.port(),
    rejectUnauthorized: false,
    ...only("TLSv1.2"),
  });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  const refused = await new Promise<Error | null>((resolve) => {
    socket.renegotiate({}, resolve);
    socket.once("close", () => resolve(new Error("closed")));
  });
  assert.ok(refused instanceof Error);
  socket.destroy();
});

const bad: readonly (readonly [string, Made | undefined, readonly string[], readonly string[]])[] = [
  ["a good certificate", pair, ["secureConnect"], ["secureConnect"]],
  [
    "no certificate",
    undefined,
    ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE"],
    ["secureConnect", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"],
  ],
  [
    "an untrusted one",
    makeCertificate({ subject: "edge", dns: [EDGE] }),
    ["end", "ECONNRESET"],
    ["secureConnect", "end"],
  ],
  [
    "one that has ended",
    makeCertificate({ subject: "edge", issuer: root, dns: [EDGE], begins: -9_000_000, ends: -1_000 }),
    ["end", "ECONNRESET"],
    ["secureConnect", "end"],
  ],
];

for (const [what, shown, in12, in13] of bad) {
  test(`what a caller with ${what} sees of it, in TLS 1.2 and 1.3`, async () => {
    for (const [version, expected] of [["TLSv1.2", in12] as const, ["TLSv1.3", in13] as const]) {
      const options = { ...only(version), ...(shown !== undefined && { cert: shown.certPem, key: shown.keyPem }) };
      const { events, socket } = await handshake("p256", options, 81, shown !== pair);
      // The end of the connection behind an alert may or may not be seen.
      assert.deepEqual(events.slice(0, expected.length), expected, version);
      socket.destroy();
    }
  });
}
