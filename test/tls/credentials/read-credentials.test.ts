/** The forms in which certificate managers and the kubelet put credentials into a pod. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { TlsFiles } from "../../../src/config/config.ts";
import { credentialFiles } from "../../../src/tls/credentials/credentials-watch.ts";
import type { Credentials } from "../../../src/tls/credentials.ts";
import { readCredentials } from "../../../src/tls/credentials/read-credentials.ts";
import { makeCertificate, type Made } from "../../support/mesh/certificates.ts";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";
import { until } from "../../support/until.ts";

const root = makeCertificate({ subject: "root", ca: true });
const nextRoot = makeCertificate({ subject: "next root", ca: true });
const inter = makeCertificate({ subject: "inter", ca: true, issuer: root });
const leafOf = (issuer = root): Made =>
  makeCertificate({ subject: "foo", issuer, dns: ["foo"], uris: ["spiffe://mesh.test/foo"], usage: "server" });
const sec1 = (leaf: Made): string => createPrivateKey(leaf.keyPem).export({ type: "sec1", format: "pem" }).toString();

/** As the kubelet's atomic writer does it: a directory of this version, and one rename of the link to it. */
function mount(volume: string, version: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(join(volume, version), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(volume, version, name), text);
    rmSync(join(volume, name), { force: true });
    symlinkSync(join("..data", name), join(volume, name));
  }
  symlinkSync(version, join(volume, "..data_tmp"));
  renameSync(join(volume, "..data_tmp"), join(volume, "..data"));
}

interface Form {
  readonly what: string;
  /** Files of a volume by its name, of the first version and of the next. */
  readonly volumes: Readonly<Record<string, (leaf: Made, bundle: string) => Readonly<Record<string, string>>>>;
  readonly ca: string;
}

const pair = ({ certPem, keyPem }: Made): Readonly<Record<string, string>> => ({
  "tls.crt": certPem,
  "tls.key": keyPem,
});

const forms: readonly Form[] = [
  {
    what: "a kubernetes.io/tls Secret, with the CAs in a ConfigMap",
    volumes: { tls: pair, trust: (_leaf, bundle) => ({ "ca-bundle.crt": bundle }) },
    ca: "trust/ca-bundle.crt",
  },
  {
    what: "cert-manager's Secret, and its CSI driver: chain in tls.crt, ca.crt beside it",
    volumes: {
      tls: (leaf, bundle) => ({ ...pair(leaf), "tls.crt": leaf.certPem + inter.certPem, "ca.crt": bundle }),
    },
    ca: "tls/ca.crt",
  },
  {
    what: "csi-driver-spiffe: tls.crt, tls.key (SEC 1) and ca.crt",
    volumes: { tls: (leaf, bundle) => ({ ...pair(leaf), "tls.key": sec1(leaf), "ca.crt": bundle }) },
    ca: "tls/ca.crt",
  },
  {
    what: "a projected volume of a Secret and a ClusterTrustBundle, comments included",
    volumes: { tls: (leaf, bundle) => ({ ...pair(leaf), "trust-bundle.pem": `# mesh.test\n${bundle}` }) },
    ca: "tls/trust-bundle.pem",
  },
];

for (const { what, volumes, ca } of forms) {
  test(`${what}: read, and followed through the swap of ..data`, async () => {
    using directory = temporaryDirectory();
    const write = (version: string, leaf: Made, bundle: string): void => {
      for (const [name, filesOf] of Object.entries(volumes))
        mount(join(directory.path, name), version, filesOf(leaf, bundle));
    };
    const files: TlsFiles = {
      cert: join(directory.path, "tls/tls.crt"),
      key: join(directory.path, "tls/tls.key"),
      ca: join(directory.path, ca),
    };
    const issuer = what.startsWith("cert-manager") ? inter : root;
    write("..1", leafOf(issuer), root.certPem);
    const first = await readCredentials(files, 1);
    assert.deepEqual([first.names, first.warnings], [["dns:foo", "uri:spiffe://mesh.test/foo"], []]);
    const told: Credentials[] = [];
    const watch = credentialFiles(files).follow(first, {
      onCredentials: (credentials) => told.push(credentials),
      onFailure: () => undefined,
      onRecovery: () => undefined,
    });
    try {
      const next = leafOf(issuer);
      write("..2", next, root.certPem + nextRoot.certPem);
      // Two volumes are swapped one after the other, and either may be seen alone.
      await until("certificate and bundle are in force", () => {
        const last = told.at(-1);
        return (
          last !== undefined && last.cert.startsWith(next.certPem.trim()) && last.ca.includes(nextRoot.certPem.trim())
        );
      });
    } finally {
      watch.stop();
    }
  });
}

test("a pipe in the place of a file is refused: a read of it would hold up every later one", async () => {
  using directory = temporaryDirectory();
  const leaf = leafOf();
  const [cert, key, ca] = ["tls.crt", "tls.key", "ca.crt"].map((name) => join(directory.path, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(cert, leaf.certPem);
  writeFileSync(ca, root.certPem);
  execFileSync("mkfifo", [key]);
  await assert.rejects(
    readCredentials({ cert, key, ca }, 1),
    /Cannot read --tls-key .*no file but a device, pipe or socket/,
  );
});
