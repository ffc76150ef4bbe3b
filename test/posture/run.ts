/**
 * `npm run test:posture`: testssl.sh, as Debian packages it, looks at a real `postern run`. Ends with 1 at any finding above LOW
 * that docs/certificates.md does not explain. Where it is not installed and cannot be, a line says so and nothing fails.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noArguments, readArguments } from "../support/command-line.ts";
import { installed, installPackages } from "../support/debian-packages.ts";
import { endProcessAfter } from "../support/limits/end-process.ts";
import { makeCertificate, type Made } from "../support/mesh/certificates.ts";
import { backend, policy, range } from "../support/mesh/objects.ts";
import { startSidecar } from "../support/process/sidecar.ts";
import { temporaryDirectory } from "../support/process/temporary-directory.ts";

const LIMIT_MS = 30 * 60_000;
/** A scanner warns of less. */
const LIFE_MS = 90 * 86_400_000;
const DOCUMENT = join(import.meta.dirname, "../../docs/certificates.md");
const ABOVE_LOW = new Set(["MEDIUM", "HIGH", "CRITICAL", "FATAL"]);
/** Handshakes alone: there is no web page behind it whose headers could be looked at. Each cipher has a test of its own. */
const CHECKS = ["--protocols", "--server-preference", "--fs", "--server-defaults", "--vulnerable"];

const HELP = `npm run test:posture

testssl.sh against a real sidecar. Ends with 1 at a finding above LOW that docs/certificates.md does not explain. Takes no
options.
`;

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

/** Rows of the document's table of findings: | `id` | why | */
function explained(): ReadonlySet<string> {
  const [, section = ""] = readFileSync(DOCUMENT, "utf8").split("## What a scanner says");
  return new Set([...section.matchAll(/^\| `([^`]+)`/gm)].map(([, id = ""]) => id));
}

async function scan(port: number, directory: string, name: string, authority: Made): Promise<readonly Finding[]> {
  const json = join(directory, `${name}.json`);
  const ca = join(directory, "ca.pem");
  writeFileSync(ca, authority.certPem);
  const argv = [
    "--add-ca",
    ca,
    "--quiet",
    "--color",
    "0",
    "--warnings",
    "off",
    "--jsonfile",
    json,
    ...CHECKS,
    `127.0.0.1:${port}`,
  ];
  const child = spawn("testssl", argv, { stdio: ["ignore", "ignore", "inherit"] });
  await once(child, "exit");
  const findings = JSON.parse(readFileSync(json, "utf8")) as readonly Finding[];
  if (!findings.some(({ id }) => id === "TLS1_3")) throw new Error(`testssl.sh did not finish: see ${json}`);
  return findings;
}

readArguments(HELP, noArguments);
endProcessAfter(LIMIT_MS, "the scan");
installPackages((line) => console.log(line), { testssl: "testssl.sh" });
if (!installed("testssl")) {
  console.log("testssl.sh is not installed and cannot be: posture is not scanned");
} else {
  const root = makeCertificate({ subject: "mesh", ca: true, ends: LIFE_MS });
  using directory = temporaryDirectory();
  const known = explained();
  let unexplained = 0;
  for (const kind of ["p256", "rsa"] as const) {
    const own = makeCertificate({ subject: "foo", issuer: root, dns: ["foo.test.cluster.local"], kind, ends: LIFE_MS });
    await using sidecar = await startSidecar({
      manifests: [policy([backend("foo", 80, "https", { skipClientCertValidation: true })], [range("127.0.0.0/8")])],
      backends: [{ app: 9 }],
      tls: { ...own, caPem: root.certPem },
    });
    const findings = await scan(sidecar.port(), directory.path, kind, root);
    const serious = findings.filter(({ severity }) => ABOVE_LOW.has(severity));
    console.log(`${kind}: ${findings.length} findings, ${serious.length} above LOW`);
    for (const { id, severity, finding } of serious) {
      const isKnown = known.has(id);
      if (!isKnown) unexplained += 1;
      console.log(`  ${isKnown ? "explained" : "NOT EXPLAINED"} ${id} ${severity}: ${finding}`);
    }
  }
  if (unexplained > 0) {
    console.error(`${unexplained} findings above LOW are not explained in docs/certificates.md`);
    process.exitCode = 1;
  }
}
