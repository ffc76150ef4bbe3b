/** The length that a message declares for its body. */

/** @param lines flat name-value array @returns `undefined` where there is none */
export function declaredLength(lines: readonly string[]): number | undefined {
  for (let index = 0; index < lines.length; index += 2)
    if (lines[index]!.length === 14 && lines[index]!.toLowerCase() === "content-length")
      return Number(lines[index + 1]);
  return undefined;
}
