/** Whatever a manifest is and however it is written: injected and uninjected it is the same bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAllDocuments, stringify } from "yaml";
import { DEFAULT_OPTIONS } from "../../../src/inject/injection.ts";
import { injectText } from "../../../src/inject/text/inject-text.ts";
import { uninjectText } from "../../../src/inject/text/uninject-text.ts";
import { unifiedDiff } from "../../../src/inject/text/unified-diff.ts";
import { arbitraryChoices, arbitraryPod } from "../arbitrary-pod.ts";

const RUNS = 40;

const written: fc.Arbitrary<(object: object) => string> = fc.oneof(
  fc
    .record({ indent: fc.integer({ min: 2, max: 4 }), indentSeq: fc.boolean(), lineWidth: fc.constantFrom(0, 40) })
    .map((options) => (object: object) => stringify(object, { ...options, aliasDuplicateObjects: false })),
  fc.constantFrom(undefined, 1, 2, 4).map((indent) => (object: object) => JSON.stringify(object, undefined, indent)),
  fc.constant((object: object) => stringify(object, { collectionStyle: "flow", aliasDuplicateObjects: false })),
  // A comment behind and below each line that ends with a key or a plain word.
  fc.constant((object: object) =>
    stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, blockQuote: false }).replaceAll(
      /^( *)(.*[a-z]:|.*[a-z]: [0-9]+)$/gm,
      (_line, indent: string, rest: string) => `${indent}${rest} # here\n${indent}# below`,
    ),
  ),
  fc.constant((object: object) =>
    stringify(object, { aliasDuplicateObjects: false }).replaceAll("\n", "\r\n").trimEnd(),
  ),
);

const manifest = fc
  .tuple(
    fc.constantFrom("Deployment", "Pod", "CronJob", "List"),
    fc.array(arbitraryPod, { minLength: 1, maxLength: 2 }),
    written,
  )
  .map(([kind, pods, write]) => {
    const objects = pods.map((pod, index) => objectOf(kind, pod, index));
    if (kind === "List") return write({ apiVersion: "v1", kind, items: objects });
    return objects.map(write).join("\n---\n# next\n");
  });

function objectOf(kind: string, pod: { readonly metadata?: object; readonly spec: object }, index: number): object {
  const metadata = { name: `object-${index}` };
  switch (kind) {
    case "Deployment":
      return { apiVersion: "apps/v1", kind, metadata, spec: { template: pod } };
    case "CronJob":
      return { apiVersion: "batch/v1", kind, metadata, spec: { jobTemplate: { spec: { template: pod } } } };
    default:
      return { apiVersion: "v1", kind: "Pod", ...pod, metadata: { ...metadata, ...pod.metadata } };
  }
}

test("uninjected is what was injected, twice is once, and the difference leads from one to the other", () => {
  let injected = 0;
  fc.assert(
    fc.property(manifest, arbitraryChoices, (text, choices) => {
      const options = { ...DEFAULT_OPTIONS, ...choices, injected: "replace" } as const;
      const once = injectText(text, options);
      if (once.kind === "refused") {
        // Every refusal is of a pod; the text itself is always understood.
        for (const problem of once.problems) assert.match(problem, /: (?:.*\.)?(?:spec|metadata)[.[]/, problem);
        return;
      }
      if (once.text !== text) injected += 1;
      const back = uninjectText(once.text);
      assert.ok(back.kind === "uninjected");
      assert.equal(back.text, text);
      assert.deepEqual(back.relaid, []);
      const twice = injectText(once.text, options);
      assert.ok(twice.kind === "injected");
      assert.equal(twice.text, once.text);
      assert.equal(patched(text, unifiedDiff("file", text, once.edits)), once.text);
    }),
    { numRuns: RUNS },
  );
  assert.ok(injected > RUNS / 10, `${injected} of ${RUNS} were injected`);
});

test("taken apart after an edit, everything but the edit is what it was", () => {
  fc.assert(
    fc.property(manifest, arbitraryChoices, (text, choices) => {
      const once = injectText(text, { ...DEFAULT_OPTIONS, ...choices });
      if (once.kind === "refused") return;
      // The same content in another layout: no way back of the text fits any more.
      const relaid = parseAllDocuments(once.text).map((document) => stringify(document.toJS(), { indent: 3 }));
      const back = uninjectText(relaid.join("---\n"));
      assert.ok(back.kind === "uninjected");
      assert.deepEqual(contents(back.text), contents(text));
    }),
    { numRuns: RUNS },
  );
});

/** No annotations at all are the same as none in a mapping. */
function contents(text: string): readonly unknown[] {
  const pruned = (key: string, value: unknown): unknown =>
    key === "annotations" && JSON.stringify(value) === "{}" ? undefined : value;
  return parseAllDocuments(text).map((document) => JSON.parse(JSON.stringify(document.toJS(), pruned)) as unknown);
}

/** What `patch` does with a unified diff. */
function patched(text: string, diff: string): string {
  const lines = text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const result: string[] = [];
  let at = 0;
  let last = "";
  for (const line of (diff.match(/[^\n]*\n/g) ?? []).slice(2)) {
    const [, start, length] = /^@@ -(\d+),(\d+) /.exec(line) ?? [];
    if (start !== undefined) {
      const from = length === "0" ? Number(start) : Number(start) - 1;
      result.push(...lines.slice(at, from));
      at = from;
    } else if (line.startsWith("\\")) {
      if (last === "+") result.push((result.pop() ?? "").replace(/\n$/, ""));
    } else if (line.startsWith("+")) result.push(line.slice(1));
    else {
      if (line.startsWith(" ")) result.push(lines[at] ?? "");
      at += 1;
    }
    last = line[0] ?? "";
  }
  return result.join("") + lines.slice(at).join("");
}
