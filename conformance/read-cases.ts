/** A file of cases, held against its schema: what is misspelt must not pass for a case. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { problemsOf, type Schema } from "./check-schema.ts";
import { CannotTry } from "./cannot-try.ts";

/**
 * @param directory has `cases` and `schema`
 * @throws CannotTry with a line for each problem: file, case, place in it, what was expected
 */
export function readCases(name: "decisions" | "admission", directory = import.meta.dirname): unknown {
  const file = join("cases", `${name}.json`);
  const schema = JSON.parse(readFileSync(join(directory, "schema", `${name}.schema.json`), "utf8")) as Schema;
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(join(directory, file), "utf8"));
  } catch (error) {
    throw new CannotTry(`${file}: ${(error as Error).message}`, { cause: error });
  }
  const found = problemsOf(schema, data);
  const problems = found.length > 0 ? found.map((problem) => withId(problem, data)) : repeatedIds(data);
  if (problems.length > 0) throw new CannotTry(problems.map((problem) => `${file}: ${problem}`).join("\n"));
  return data;
}

interface Identified {
  readonly cases?: readonly { readonly id?: unknown }[];
}

/** The case by its name, where it has one. */
function withId(problem: string, data: unknown): string {
  return problem.replaceAll(/\bcases\[(\d+)\]\.?/g, (place, index) => {
    const id = (data as Identified).cases?.[Number(index)]?.id;
    return typeof id === "string" ? `${id}: ` : place;
  });
}

function repeatedIds(data: unknown): readonly string[] {
  const ids = ((data as Identified).cases ?? []).map(({ id }) => String(id));
  const repeated = ids.filter((id, index) => ids.indexOf(id) !== index);
  return repeated.map((id) => `${id}: id: expected to be of one case alone`);
}
