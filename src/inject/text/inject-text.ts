/** Sidecars added to the pods of a text, which stays as it is everywhere else. Pure. */
import { isDeepStrictEqual } from "node:util";
import { SOURCE } from "../annotations.ts";
import { textAt, fieldsAt } from "../fields.ts";
import { injectPod } from "../inject-pod.ts";
import type { Fields, GuardedPort, InjectOptions, Injection } from "../injection.ts";
import { podAt, podPath, withPod } from "../kinds.ts";
import { annotated, recorded, withoutAnnotation } from "../record.ts";
import { isService, selects, targetPorts } from "../services.ts";
import { movedService } from "../target-port.ts";
import { applyEdits, wayBack, type Edit } from "./edit.ts";
import { layoutOf, type Layout } from "./layout.ts";
import { readObjects, type ReadText, type TextObject } from "./objects.ts";
import { rewrite } from "./rewrite.ts";
import { uninjectText } from "./uninject-text.ts";

/** What became of one object. */
export interface ObjectReport {
  /** E.g. `Deployment test/foo`. */
  readonly name: string;
  readonly line: number;
  readonly result: Injection;
}

export type InjectedText =
  | {
      readonly kind: "injected";
      readonly text: string;
      /** From the text that was given. */
      readonly edits: readonly Edit[];
      readonly reports: readonly ObjectReport[];
    }
  | { readonly kind: "refused"; readonly problems: readonly string[] };

/** A text whose objects have sidecars already is made anew from what it was: twice with the same options changes nothing. */
export function injectText(text: string, options: InjectOptions): InjectedText {
  const clean = uninjectText(text);
  if (clean.kind === "refused") return clean;
  const read = readObjects(clean.text);
  if ("problem" in read) return { kind: "refused", problems: [`line ${read.line}: ${read.problem}`] };
  const planned = plan(read, options);
  if (planned.problems.length > 0) return { kind: "refused", problems: planned.problems };
  const layout = layoutOf(clean.text);
  const edits = [...planned.changes].flatMap(([object, after]) => editsOf(object, after, layout));
  const result = applyEdits(clean.text, edits);
  const problems = differences(result, read, planned.changes);
  if (problems.length > 0) return { kind: "refused", problems };
  const all = clean.text === text ? edits : result === text ? [] : [{ start: 0, end: text.length, text: result }];
  return { kind: "injected", text: result, edits: all, reports: planned.reports };
}

interface Plan {
  readonly changes: ReadonlyMap<TextObject, Fields>;
  readonly reports: readonly ObjectReport[];
  readonly problems: readonly string[];
}

function plan({ objects }: ReadText, options: InjectOptions): Plan {
  const services = objects.filter(({ value }) => isService(value));
  const changes = new Map<TextObject, Fields>();
  const moved = new Map<TextObject, readonly GuardedPort[]>();
  const reports: ObjectReport[] = [];
  const problems: string[] = [];
  for (const object of objects) {
    const path = podPath(object.value);
    if (path === undefined) continue;
    const pod = podAt(object.value, path);
    if (pod === undefined) {
      problems.push(
        `line ${object.line}: ${nameOf(object.value)}: ${[...path, "spec"].join(".")} is missing; expected a pod there`,
      );
      continue;
    }
    const own = services.filter((service) => selects(service.value, object.value, pod));
    const ports = own.flatMap((service) => targetPorts(service.value));
    const result = injectPod(pod, { ...options, targetPorts: [...options.targetPorts, ...ports] });
    reports.push({ name: nameOf(object.value), line: object.line, result });
    if (result.kind === "refused") problems.push(refusal(object, path, result));
    if (result.kind !== "injected") continue;
    changes.set(object, withPod(object.value, path, result.pod));
    if (result.traffic === "target-port")
      for (const service of own) moved.set(service, [...(moved.get(service) ?? []), ...result.ports]);
  }
  for (const [service, ports] of moved) {
    const after = movedService(service.value, ports);
    if (!isDeepStrictEqual(after, service.value)) changes.set(service, recorded(service.value, after));
  }
  return { changes, reports, problems };
}

/** A pod of its own holds the record; every changed object says how its text was changed. */
function editsOf({ node, value }: TextObject, after: Fields, layout: Layout): readonly Edit[] {
  const base = node.range?.[0] ?? 0;
  let way = "";
  // The way holds the length of the text that holds the way.
  for (let round = 0; round < 16; round += 1) {
    const edits = rewrite(node, value, annotated(after, way, SOURCE), layout);
    const next = wayBack(layout.text, base, edits);
    if (next === way) return edits;
    way = next;
  }
  return rewrite(node, value, annotated(after, way, SOURCE), layout);
}

/** The edits are those of a text; what they mean is read again. An anchor, for one, is changed for all who refer to it. */
function differences(text: string, read: ReadText, changes: ReadonlyMap<TextObject, Fields>): readonly string[] {
  const again = readObjects(text);
  if (
    "problem" in again ||
    again.documents.length !== read.documents.length ||
    again.objects.length !== read.objects.length
  )
    return ["the text is written in a way that cannot be changed in place; write it without anchors and explicit keys"];
  return read.objects.flatMap((object, index) => {
    const expected = changes.get(object) ?? object.value;
    const found = again.objects[index]?.value ?? {};
    return isDeepStrictEqual(withoutAnnotation(found, SOURCE), withoutAnnotation(expected, SOURCE))
      ? []
      : [
          `line ${object.line}: ${nameOf(object.value)} is written in a way that cannot be changed in place; write it without anchors, aliases and explicit keys`,
        ];
  });
}

function refusal(
  object: TextObject,
  path: readonly string[],
  result: Injection & { readonly kind: "refused" },
): string {
  return `line ${object.line}: ${nameOf(object.value)}: ${[...path, result.field].join(".")}: ${result.problem}; ${result.mend}`;
}

export function nameOf(object: Fields): string {
  const metadata = fieldsAt(object, "metadata");
  const namespace = textAt(metadata, "namespace");
  const name = textAt(metadata, "name") ?? textAt(metadata, "generateName") ?? "without a name";
  return `${textAt(object, "kind") ?? ""} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}
