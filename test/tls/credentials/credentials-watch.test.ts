import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Credentials } from "../../../src/tls/credentials.ts";
import { readCredentials } from "../../../src/tls/credentials/read-credentials.ts";
import type { CredentialsWatch } from "../../../src/tls/credentials/credentials-source.ts";
import { watchCredentials } from "../../../src/tls/credentials/credentials-watch.ts";
import type { KeyPair } from "../../support/mesh/authority.ts";
import { TestMesh } from "../../support/mesh/mesh.ts";
import { writeCredentials } from "../../support/process/sidecar.ts";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";
import { until } from "../../support/until.ts";

let mesh: TestMesh;
let watch: CredentialsWatch | undefined;

before(async () => {
  mesh = await TestMesh.create();
});

after(() => watch?.stop());

const filesIn = (directory: string) => ({
  cert: join(directory, "tls.crt"),
  key: join(directory, "tls.key"),
  ca: join(directory, "ca.crt"),
});

/** What a watch told. */
function follow(directory: string, current: Credentials) {
  const told: Credentials[] = [];
  const failures: string[] = [];
  let recoveries = 0;
  watch?.stop();
  watch = watchCredentials(filesIn(directory), current, {
    onCredentials: (credentials) => told.push(credentials),
    onFailure: (error) => failures.push(error.message),
    onRecovery: () => (recoveries += 1),
  });
  return { told, failures, recoveries: () => recoveries };
}

const another = (): Promise<KeyPair> => mesh.authority.issue({ sans: ["dns:foo.test.cluster.local"] });

test("a new pair is taken once both of its files are there; until then the former stays", async () => {
  using directory = temporaryDirectory();
  writeCredentials(directory.path, mesh.own);
  const first = await readCredentials(filesIn(directory.path), 1);
  const { told, failures } = follow(directory.path, first);
  const next = await another();
  writeFileSync(filesIn(directory.path).cert, next.certPem);
  await until("the half pair is refused", () => failures.length === 1);
  assert.match(failures[0]!, /tls\.key does not belong to/);
  assert.equal(told.length, 0);
  writeFileSync(filesIn(directory.path).key, next.keyPem);
  await until("the new pair is told", () => told.length === 1);
  assert.deepEqual([told[0]!.generation, told[0]!.cert.trim()], [2, next.certPem.trim()]);
});

test("the swap of a mounted Secret's ..data link brings the new pair, and no fault on the way", async () => {
  using directory = temporaryDirectory();
  const version = (name: string, pair: KeyPair): void => {
    mkdirSync(join(directory.path, name));
    writeCredentials(join(directory.path, name), { ...pair, caPem: mesh.own.caPem });
    symlinkSync(name, join(directory.path, "..data_tmp"));
    renameSync(join(directory.path, "..data_tmp"), join(directory.path, "..data"));
  };
  version("..v1", mesh.own);
  for (const file of ["tls.crt", "tls.key", "ca.crt"]) symlinkSync(`..data/${file}`, join(directory.path, file));
  const { told, failures } = follow(directory.path, await readCredentials(filesIn(directory.path), 1));
  const next = await another();
  version("..v2", next);
  await until("the new version is told", () => told.length === 1);
  assert.equal(told[0]!.cert.trim(), next.certPem.trim());
  assert.deepEqual(failures, []);
});

test("files that are written again with the same content change nothing", async () => {
  using directory = temporaryDirectory();
  writeCredentials(directory.path, mesh.own);
  const { told, failures } = follow(directory.path, await readCredentials(filesIn(directory.path), 1));
  writeCredentials(directory.path, mesh.own);
  // Time to be read by itself: a change that follows at once would be read together with it.
  await delay(500);
  const next = await another();
  writeCredentials(directory.path, { ...next, caPem: mesh.own.caPem });
  await until("the change after it is told", () => told.length > 0);
  assert.deepEqual([told.map(({ generation }) => generation), failures], [[2], []]);
  assert.equal(told[0]!.cert.trim(), next.certPem.trim());
});

test("the key may come first: the former pair stays until its certificate is there", async () => {
  using directory = temporaryDirectory();
  writeCredentials(directory.path, mesh.own);
  const { told, failures, recoveries } = follow(directory.path, await readCredentials(filesIn(directory.path), 1));
  const next = await another();
  writeFileSync(filesIn(directory.path).key, next.keyPem);
  await until("the failure is told", () => failures.length === 1);
  writeFileSync(filesIn(directory.path).cert, next.certPem);
  await until("the new set is told", () => told.length === 1);
  assert.deepEqual([told[0]!.key.trim(), recoveries()], [next.keyPem.trim(), 1]);
});

test("each way in which files can be wrong is told once, by the file's name; the files of before are a recovery", async () => {
  using directory = temporaryDirectory();
  writeCredentials(directory.path, mesh.own);
  const { cert, key, ca } = filesIn(directory.path);
  const { told, failures, recoveries } = follow(directory.path, await readCredentials(filesIn(directory.path), 1));
  const wrong: readonly (readonly [() => void, RegExp])[] = [
    [
      () => writeFileSync(cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
      /tls\.crt cannot be parsed/,
    ],
    [() => writeFileSync(cert, mesh.own.certPem.slice(0, 200)), /tls\.crt cannot be used: a PEM block is cut off/],
    [() => rmSync(key), /Cannot read --tls-key .*tls\.key: ENOENT/],
    [() => mkdirSync(key), /Cannot read --tls-key .*tls\.key: EISDIR/],
    [() => writeFileSync(ca, Buffer.alloc(2 ** 20 + 1, "#")), /Cannot read --tls-ca .*ca\.crt: it has 1048577 bytes/],
  ];
  for (const [index, [break_, message]] of wrong.entries()) {
    break_();
    await until(`failure ${index + 1} is told`, () => failures.length === index + 1);
    assert.match(failures[index]!, message);
    if (index === 3) rmSync(key, { recursive: true });
    if (index === 1 || index === 3) writeCredentials(directory.path, mesh.own);
    if (index === 1 || index === 3) await until("the recovery is told", () => recoveries() === (index === 1 ? 1 : 2));
  }
  assert.equal(told.length, 0);
});

test("a certificate that is not valid yet is waited for, while a CA that goes with it is gone at once", async () => {
  using directory = temporaryDirectory();
  const former = await TestMesh.create("CN=former CA");
  writeCredentials(directory.path, { ...mesh.own, caPem: mesh.own.caPem + former.own.caPem });
  const { told, failures } = follow(directory.path, await readCredentials(filesIn(directory.path), 1));
  const later = await mesh.authority.issue({ notBefore: new Date(Date.now() + 1_500) });
  writeCredentials(directory.path, { ...later, caPem: mesh.own.caPem });
  await until("trust and failure are told", () => told.length === 1 && failures.length === 1);
  assert.deepEqual([told[0]!.cert.trim(), told[0]!.ca.trim()], [mesh.own.certPem.trim(), mesh.own.caPem.trim()]);
  assert.match(failures[0]!, /tls\.crt is not valid before/);
  // Any change makes it look again, as the poll does.
  while (Date.now() < Date.parse(failures[0]!.match(/before (\S+Z)/)![1]!)) await delay(100);
  writeFileSync(join(directory.path, "touched"), "");
  await until("the new set is told", () => told.length === 2);
  assert.equal(told[1]!.cert.trim(), later.certPem.trim());
});
