import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { X509Certificate } from "node:crypto";
import type { CredentialsWatch } from "../../../src/tls/credentials/credentials-source.ts";
import type { Credentials } from "../../../src/tls/credentials.ts";
import { watchCredentials } from "../../../src/tls/credentials/credentials-watch.ts";
import { readCredentials } from "../../../src/tls/credentials/read-credentials.ts";
import { trustOfHandshake } from "../../../src/tls/secure-context.ts";
import { TrustStore } from "../../../src/tls/trust/trust.ts";
import { listPem, makeCertificate, makeList, type Made } from "../../support/mesh/certificates.ts";
import { writeCredentials } from "../../support/process/sidecar.ts";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";
import { until } from "../../support/until.ts";

const A = makeCertificate({ subject: "A", ca: true });
const B = makeCertificate({ subject: "B", ca: true });
const own = makeCertificate({ subject: "foo", issuer: A, dns: ["foo.test"] });
const [good, bad, other] = [A, A, B].map((issuer) => makeCertificate({ subject: "edge", issuer, dns: ["edge"] })) as [
  Made,
  Made,
  Made,
];
const listsOf = (serialsOfA: readonly string[]): string => [makeList(A, serialsOfA), makeList(B)].map(listPem).join("");

let watch: CredentialsWatch | undefined;
after(() => watch?.stop());

async function follow(directory: string, crl = listsOf([])) {
  writeCredentials(directory, { ...own, caPem: A.certPem + B.certPem });
  writeFileSync(join(directory, "crl.pem"), crl);
  const [cert = "", key = "", ca = "", crlFile = ""] = ["tls.crt", "tls.key", "ca.crt", "crl.pem"].map((name) =>
    join(directory, name),
  );
  const files = { cert, key, ca, crl: crlFile };
  const told: Credentials[] = [];
  const failures: string[] = [];
  watch?.stop();
  watch = watchCredentials(files, await readCredentials(files, 1), {
    onCredentials: (credentials) => told.push(credentials),
    onFailure: ({ message }) => failures.push(message),
    onRecovery: () => undefined,
  });
  return { files, told, failures };
}

function judge(credentials: Credentials, made: Made): string | undefined {
  return new TrustStore(credentials).judge([new X509Certificate(made.certPem)], Date.now());
}

test("who is revoked beside a file that cannot be used is out, and stays so until a sound set says otherwise", async () => {
  using directory = temporaryDirectory();
  const { files, told, failures } = await follow(directory.path);
  rmSync(files.key);
  writeFileSync(files.crl, listsOf([bad.serial]));
  await until("the revocation is told", () => told.length === 1 && failures.length === 1);
  const [taken] = told;
  assert.deepEqual([judge(taken!, bad), judge(taken!, good)], ["certificate-revoked", undefined]);
  assert.equal(trustOfHandshake(taken!), undefined, "OpenSSL knows the former list alone");
  assert.match(failures[0]!, /Cannot read --tls-key/);
  // A list without the serial, and lists that are cut off, give nothing back.
  writeFileSync(files.crl, listsOf([good.serial]).slice(0, -40));
  await until("the next revocation is told", () => told.length === 2);
  assert.deepEqual([judge(told[1]!, bad), judge(told[1]!, good)], ["certificate-revoked", "certificate-revoked"]);
  writeFileSync(files.crl, listsOf([]));
  writeFileSync(files.key, own.keyPem);
  await until("the sound set is told", () => told.length === 3);
  assert.deepEqual([judge(told[2]!, bad), judge(told[2]!, good)], [undefined, undefined]);
  assert.notEqual(trustOfHandshake(told[2]!), undefined);
});

test("a CA that is gone from its bundle is gone beside a broken pair; a new one waits, and the last one stays", async () => {
  using directory = temporaryDirectory();
  const { files, told, failures } = await follow(directory.path);
  const C = makeCertificate({ subject: "C", ca: true });
  writeFileSync(files.cert, "garbage");
  writeFileSync(files.ca, A.certPem + C.certPem);
  await until("the change is told", () => told.length === 1 && failures.length === 1);
  const byC = makeCertificate({ subject: "edge", issuer: C, dns: ["edge"] });
  assert.deepEqual(
    [good, other, byC].map((made) => judge(told[0]!, made)),
    [undefined, "certificate-untrusted", "certificate-untrusted"],
  );
  writeFileSync(files.ca, C.certPem);
  writeFileSync(files.crl, listsOf([bad.serial]));
  await until("the revocation is told", () => told.length === 2);
  assert.equal(judge(told[1]!, good), undefined, "nobody is cut off for a bundle that has nothing in common");
});

test("lists of somebody else, and of a CA that had none, change nothing where the set cannot be used", async () => {
  using directory = temporaryDirectory();
  const { files, told, failures } = await follow(directory.path, listPem(makeList(A)));
  const impostor = makeCertificate({ subject: "A", ca: true });
  writeFileSync(files.crl, [makeList(impostor, [good.serial]), makeList(B)].map(listPem).join(""));
  await until("the failure is told", () => failures.length === 1);
  assert.match(failures[0]!, /is not signed by it/);
  assert.equal(told.length, 0);
});
