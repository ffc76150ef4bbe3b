import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ManifestDirectory } from "../../../src/discovery/manifests/directory.ts";
import { ManifestsDiscovery, ManifestsError } from "../../../src/discovery/manifests/manifests-discovery.ts";
import { createLog } from "../../../src/telemetry/log.ts";
import type { World } from "../../../src/policy/model.ts";
import { http, policy, range, type Manifest } from "../../support/mesh/objects.ts";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";

/** An edit is in force within a second; a busy machine gets some more to notice. */
const PATIENCE_MS = 3_000;

const yaml = (...objects: readonly Manifest[]): string =>
  objects.map((object) => JSON.stringify(object)).join("\n---\n");
const named = (name: string): Manifest => policy([http], [range("10.0.0.0/8")], `test/${name}`);

function nameOf(value: Readonly<Record<string, unknown>>): string {
  return (value["metadata"] as Manifest["metadata"]).name;
}

class Following implements AsyncDisposable {
  readonly worlds: World[] = [];
  /** Lines of the log. */
  readonly faults: string[] = [];
  readonly discovery: ManifestsDiscovery;

  private constructor(directory: string) {
    this.discovery = new ManifestsDiscovery({
      directory,
      namespace: "test",
      services: ["foo"],
      log: createLog("warn", (line) => this.faults.push(line)),
    });
  }

  static async start(directory: string): Promise<Following> {
    const following = new Following(directory);
    await following.discovery.start({ onWorld: (world) => following.worlds.push(world) });
    await following.until(() => following.worlds.length > 0);
    return following;
  }

  get names(): string {
    return (this.worlds.at(-1)?.policies ?? [])
      .map(({ name }) => name)
      .toSorted()
      .join();
  }

  async until(condition: () => boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!condition() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(condition(), `${this.names}; ${JSON.stringify(this.faults)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.discovery.stop();
  }
}

test("documents of many files are one world, and each way to change a file is seen", async () => {
  using directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  writeFileSync(at("a.yaml"), yaml(named("one"), named("two")));
  writeFileSync(at("b.json"), JSON.stringify(named("three")));
  writeFileSync(at("notes.txt"), "no manifest");
  await using following = await Following.start(directory.path);
  assert.equal(following.names, "one,three,two");

  writeFileSync(at("a.yaml.tmp"), yaml(named("four")));
  renameSync(at("a.yaml.tmp"), at("a.yaml"));
  await following.until(() => following.names === "four,three");

  writeFileSync(at("b.json"), JSON.stringify(named("five")));
  await following.until(() => following.names === "five,four");

  writeFileSync(at("c.yml"), yaml(named("six")));
  await following.until(() => following.names === "five,four,six");

  rmSync(at("b.json"));
  await following.until(() => following.names === "four,six");
  assert.deepEqual(following.faults, []);
});

/** A directory as a kubelet mounts a ConfigMap: `a.yaml` and `b.yaml`, each with one object named after its generation. */
function mount(directory: string): { readonly swap: (generation: number) => void } {
  const at = (name: string): string => join(directory, name);
  const swap = (generation: number): void => {
    const before = existsSync(at("..data")) ? readlinkSync(at("..data")) : undefined;
    mkdirSync(at(`..v${generation}`));
    for (const name of ["a", "b"])
      writeFileSync(at(`..v${generation}/${name}.yaml`), yaml(named(`${name}${generation}`)));
    symlinkSync(`..v${generation}`, at("..data_tmp"));
    renameSync(at("..data_tmp"), at("..data"));
    if (before !== undefined) rmSync(at(before), { recursive: true });
  };
  swap(1);
  for (const file of ["a.yaml", "b.yaml"]) symlinkSync(`..data/${file}`, at(file));
  return { swap };
}

test("a mounted ConfigMap changes as a whole when its ..data link is swapped", async () => {
  using directory = temporaryDirectory();
  const { swap } = mount(directory.path);
  await using following = await Following.start(directory.path);
  assert.equal(following.names, "a1,b1");
  swap(2);
  await following.until(() => following.names === "a2,b2");
  const mixed = following.worlds.filter(({ policies }) => new Set(policies.map(({ name }) => name.at(-1))).size > 1);
  assert.deepEqual(mixed, []);
});

test("files of a mounted volume are not waited for, however new they are", async () => {
  using directory = temporaryDirectory();
  const { swap } = mount(directory.path);
  const manifests = new ManifestDirectory(directory.path);
  await manifests.read();
  swap(2);
  const { objects, unsettled } = await manifests.read();
  assert.deepEqual(objects.map(({ value }) => nameOf(value)).sort(), ["a2", "b2"]);
  assert.equal(unsettled, false);
});

test("no reading holds files of two generations of a volume, whenever it is swapped", async () => {
  using directory = temporaryDirectory();
  const { swap } = mount(directory.path);
  const manifests = new ManifestDirectory(directory.path);
  const read = new Set<string>();
  for (let round = 0; round < 60; round += 1) {
    const reading = manifests.read();
    for (let turn = 0; turn < round % 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    swap(round + 2);
    const { objects } = await reading;
    read.add(objects.map(({ value }) => nameOf(value).slice(1)).join());
  }
  for (const generations of read) assert.match(generations, /^(\d+),\1$/);
});

test("of a mounted volume its generation is read, whatever links to it are there already, or still", async () => {
  using directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const swap = (generation: string, files: Readonly<Record<string, string>>): void => {
    mkdirSync(at(`${generation}/sub`), { recursive: true });
    for (const [name, object] of Object.entries(files)) writeFileSync(at(`${generation}/${name}`), yaml(named(object)));
    symlinkSync(generation, at("..data_tmp"));
    renameSync(at("..data_tmp"), at("..data"));
  };
  swap("..v1", { "old.yaml": "old", "sub/a.yaml": "below" });
  symlinkSync("..data/old.yaml", at("old.yaml"));
  symlinkSync("..data/sub", at("sub"));
  writeFileSync(at("plain.yaml"), yaml(named("plain")));
  const manifests = new ManifestDirectory(directory.path);
  const names = async (): Promise<string> => {
    const { objects, newFaults } = await manifests.read();
    assert.deepEqual(newFaults, []);
    return objects.map(({ value }) => nameOf(value)).join();
  };
  assert.equal(await names(), "old,plain,below");
  // A kubelet makes links to new files, and removes those to old ones, after the swap.
  swap("..v2", { "new.yaml": "new", "sub/a.yaml": "below2" });
  assert.equal(await names(), "new,plain,below2");
  rmSync(at("old.yaml"));
  symlinkSync("..data/new.yaml", at("new.yaml"));
  rmSync(at("..v1"), { recursive: true });
  assert.equal(await names(), "new,plain,below2");
});

test("what cannot be looked into or leads nowhere is said, and what was known of it stays in force", async () => {
  using directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  mkdirSync(at("volume/..v1"), { recursive: true });
  writeFileSync(at("volume/..v1/a.yaml"), yaml(named("mounted")));
  symlinkSync("..v1", at("volume/..data"));
  writeFileSync(at(".target"), yaml(named("linked")));
  // One that has just been written is waited for.
  utimesSync(at(".target"), 1, 1);
  symlinkSync(".target", at("link.yaml"));
  const manifests = new ManifestDirectory(directory.path);
  const read = async (): Promise<readonly (string | readonly string[])[]> => {
    const { objects, newFaults, mended } = await manifests.read();
    const known = objects.map(({ value }) => nameOf(value)).sort();
    return [
      known.join(),
      newFaults.map(({ file, lastGood }) => `${file.slice(directory.path.length)} ${lastGood}`),
      mended,
    ];
  };
  assert.deepEqual(await read(), ["linked,mounted", [], []]);
  renameSync(at("volume/..v1"), at(".away"));
  renameSync(at(".target"), at(".moved"));
  assert.deepEqual(await read(), ["linked,mounted", ["/link.yaml true", "/volume true"], []]);
  assert.deepEqual(await read(), ["linked,mounted", [], []]);
  assert.match(manifests.faults.map(({ message }) => message).join(), /it is a link to nowhere.*cannot be read: /);
  renameSync(at(".away"), at("volume/..v1"));
  renameSync(at(".moved"), at(".target"));
  assert.deepEqual(await read(), ["linked,mounted", [], [at("link.yaml"), at("volume")]]);
  assert.deepEqual(manifests.faults, []);
  // What is gone is gone.
  rmSync(at("volume"), { recursive: true });
  rmSync(at("link.yaml"));
  assert.deepEqual(await read(), ["", [], []]);
});

test("a broken file keeps its last good content, says once where it is broken, and the others go on", async () => {
  using directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  writeFileSync(at("a.yaml"), yaml(named("good")));
  writeFileSync(at("b.yaml"), yaml(named("other")));
  await using following = await Following.start(directory.path);
  writeFileSync(at("a.yaml"), `${yaml(named("new"))}\n---\nkind: IngressBackend\nspec: [unclosed\n`);
  await following.until(() => following.faults.length > 0);
  writeFileSync(at("b.yaml"), yaml(named("changed")));
  await following.until(() => following.names === "changed,good");
  // Each change is a reading of the whole directory.
  for (const name of ["second", "third"]) {
    writeFileSync(at("b.yaml"), yaml(named(name)));
    await following.until(() => following.names === `good,${name}`);
  }
  assert.equal(following.faults.length, 1, following.faults.join(""));
  const fault = JSON.parse(following.faults[0]!) as Record<string, unknown>;
  assert.equal(fault["level"], "error");
  assert.match(JSON.stringify(fault), /a\.yaml/);
  assert.equal(fault["document"], 2);
  assert.equal(fault["line"], 5);
  writeFileSync(at("a.yaml"), yaml(named("mended")));
  await following.until(() => following.names === "mended,third");
});

test("an object of a misspelt kind is said once, with its place and what was meant", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "a.yaml");
  writeFileSync(file, yaml(named("good"), { ...named("lost"), kind: "IngresBackend" }));
  await using following = await Following.start(directory.path);
  writeFileSync(file, yaml(named("better"), { ...named("lost"), kind: "IngresBackend" }));
  await following.until(() => following.names === "better");
  const [said, ...more] = following.faults.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(more, []);
  assert.equal(said?.["file"], file);
  assert.equal(said["line"], 3);
  assert.match(String(said["problem"]), /^unknown kind 'IngresBackend', did you mean 'IngressBackend'\?$/);
});

test("an object without effect, because an older one of the other API group has its name, is said once", async () => {
  using directory = temporaryDirectory();
  const file = join(directory.path, "a.yaml");
  const created = (object: Manifest, day: number): Manifest => ({
    ...object,
    metadata: { ...object.metadata, creationTimestamp: `2026-01-0${day}T00:00:00Z` },
  });
  const younger = { ...created(named("twice"), 2), apiVersion: "policy.flomesh.io/v1alpha1" };
  writeFileSync(file, yaml(created(named("twice"), 1), younger));
  await using following = await Following.start(directory.path);
  writeFileSync(file, yaml(created(named("twice"), 1), younger, named("more")));
  await following.until(() => following.names === "more,twice");
  const said = following.faults.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    said.map(({ object, problem }) => [object, problem]),
    [
      [
        "IngressBackend test/twice",
        "this object has no effect: IngressBackend test/twice of policy.openservicemesh.io is older and governs",
      ],
    ],
  );
});

test("from when a file is broken the data grows old, until all are good; what stays in force is said", async () => {
  using directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  writeFileSync(at("a.yaml"), yaml(named("good")));
  writeFileSync(at("z.yaml"), "kind: [oops\n");
  await using following = await Following.start(directory.path);
  const health = () => following.discovery.health()[0]!;
  assert.match(health().failure ?? "", /z\.yaml:\d+: .*; it never had good content, and nothing of it is in force$/s);
  assert.match(following.faults[0] ?? "", /"manifest is broken; it never had good content/);
  const since = health().freshAt;
  writeFileSync(at("a.yaml"), "kind: [oops\n");
  await following.until(() => health().brokenFiles === 2);
  assert.match(health().failure ?? "", /a\.yaml:.*; its last good content stays in force; 1 more file is broken$/s);
  rmSync(at("z.yaml"));
  await following.until(() => health().brokenFiles === 1);
  assert.equal(health().freshAt, since);
  writeFileSync(at("a.yaml"), "kind: [other\n");
  await following.until(() => following.faults.length >= 2);
  assert.match(health().failure ?? "", /its last good content stays in force$/);
  assert.equal(following.names, "good");
  writeFileSync(at("a.yaml"), yaml(named("mended")));
  await following.until(() => following.names === "mended");
  assert.equal(health().failure, undefined);
  assert.ok((health().freshAt ?? 0) > (since ?? Infinity));
});

test("a file that is written bit by bit is read when it is written, never in halves", async () => {
  using directory = temporaryDirectory();
  const path = join(directory.path, "a.yaml");
  writeFileSync(path, yaml(named("before")));
  const manifests = new ManifestDirectory(directory.path);
  assert.equal((await manifests.read()).objects.length, 1);
  const text = yaml(named("after1"), named("after2"), named("after3"));
  const aMinuteAgo = Date.now() / 1_000 - 60;
  for (let end = 0; end <= text.length; end += Math.ceil(text.length / 8)) {
    writeFileSync(path, text.slice(0, end));
    // Just written, however long this test is kept from running.
    utimesSync(path, aMinuteAgo + 120, aMinuteAgo + 120);
    const { objects, unsettled } = await manifests.read();
    assert.deepEqual([objects.length, unsettled], [1, true]);
  }
  writeFileSync(path, text);
  utimesSync(path, aMinuteAgo, aMinuteAgo);
  const { objects, unsettled } = await manifests.read();
  assert.deepEqual([objects.length, unsettled], [3, false]);
});

test("bombs and giants are faults of their file alone", async () => {
  using directory = temporaryDirectory();
  const aliases = `a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n`;
  writeFileSync(join(directory.path, "bomb.yaml"), aliases);
  writeFileSync(join(directory.path, "giant.yaml"), Buffer.alloc(64 * 1024 * 1024 + 1, "#"));
  writeFileSync(join(directory.path, "scalar.yaml"), "just words");
  writeFileSync(join(directory.path, "good.yaml"), yaml(named("good")));
  await using following = await Following.start(directory.path);
  assert.equal(following.names, "good");
  for (const name of ["bomb", "giant", "scalar"])
    assert.ok(
      following.faults.some((line) => line.includes(`${name}.yaml`)),
      name,
    );
});

test("a directory that is not there is an error that names it", async () => {
  const log = createLog("error", () => undefined);
  const discovery = new ManifestsDiscovery({ directory: "/nowhere", namespace: "test", log });
  await assert.rejects(discovery.start({ onWorld: () => undefined }), (error: Error) => {
    assert.ok(error instanceof ManifestsError);
    assert.match(error.message, /\/nowhere.*--manifests/);
    return true;
  });
  await discovery.stop();
});
