/** Text that a caller or an object chose, where people read it: it can neither steer what shows it nor end its line. */

/** Control and format characters would hide, or turn around, what stands beside them (CVE-2021-42574). */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** @returns the text with each such character written out: `\u{1b}` */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}

/**
 * JSON in one line, of the same meaning as `JSON.stringify` gives it, which leaves some such characters as they are: a
 * terminal obeys U+009B as it obeys ESC [.
 */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replace(INVISIBLE, (character) =>
    Array.from(
      { length: character.length },
      (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
    ).join(""),
  );
}
