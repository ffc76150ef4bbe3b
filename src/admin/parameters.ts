/** The parameters of a page: what nobody expected is named, so that no misspelt one is taken for granted. */
export interface Parameters {
  readonly values: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly string[];
}

/** @param repeatable those that may be given more than once */
export function readParameters(
  query: URLSearchParams,
  known: readonly string[],
  repeatable: readonly string[] = [],
): Parameters {
  const values = new Map<string, string[]>();
  for (const [name, text] of query) values.set(name, [...(values.get(name) ?? []), text]);
  const problems = [...values].flatMap(([name, texts]) => {
    if (!known.includes(name)) return [`unknown parameter '${name}'; there are ${known.join(", ")}`];
    return texts.length > 1 && !repeatable.includes(name) ? [`${name} may be given once`] : [];
  });
  return { values, problems };
}
