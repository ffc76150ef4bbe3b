/** What somebody probably meant: the known name that differs least from an unknown one. */

/** The most edits between a misspelt name and a known one. A short name may have fewer, or everything would be near it. */
const MOST_EDITS = 2;

/** The nearest of the known names, or `undefined` where none is near. Case does not count. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const lower = name.toLowerCase();
  let best: { readonly name: string; readonly edits: number } | undefined;
  for (const candidate of known) {
    const edits = editDistance(candidate.toLowerCase(), lower);
    if (edits <= Math.min(MOST_EDITS, candidate.length - 1) && (best === undefined || edits < best.edits))
      best = { name: candidate, edits };
  }
  return best?.name;
}

/**
 * As the end of a message: `, did you mean 'NAME'?`, or nothing.
 *
 * @param rest what follows in either case, as a clause
 */
export function didYouMean(name: string, known: readonly string[], rest = ""): string {
  const near = nearestName(name, known);
  if (near === undefined) return rest === "" ? "" : `; ${rest}`;
  const question = `, did you mean '${near}'?`;
  return rest === "" ? question : `${question} ${rest.charAt(0).toUpperCase()}${rest.slice(1)}`;
}

function editDistance(a: string, b: string): number {
  // What differs in length by more cannot be near, and a long name costs nothing.
  if (Math.abs(a.length - b.length) > MOST_EDITS) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(
        (row[j] ?? 0) + 1,
        (next[j - 1] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
