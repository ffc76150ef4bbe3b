/** Fields as Node's HTTP/2 takes those of trailers and of 1xx: as an object alone. */

/** @param lines flat name-value array @returns names in lower case; an array of values is a line for each */
export function fieldsOf(lines: readonly string[]): Record<string, string[]> {
  const fields = Object.create(null) as Record<string, string[]>;
  for (let index = 0; index < lines.length; index += 2)
    (fields[lines[index]!.toLowerCase()] ??= []).push(lines[index + 1]!);
  return fields;
}
