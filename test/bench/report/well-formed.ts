/** A reader of markup that lets nothing pass: every element is closed in order, every text is escaped, no name is used twice. */
import assert from "node:assert/strict";

const TOKEN = /<!doctype html>|<\/([\w:-]+)>|<([\w:-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[^<]+|</g;

/** @throws at the first fault, with what is around it */
export function assertWellFormed(markup: string): void {
  const open: string[] = [];
  for (const match of markup.matchAll(TOKEN)) {
    const [token, closing, opening, attributes = "", empty] = match;
    const around = markup.slice(Math.max(0, match.index - 60), match.index + 60);
    assert.notEqual(token, "<", `a bare < in: ${around}`);
    if (closing !== undefined) assert.equal(open.pop(), closing, `closed out of order: ${around}`);
    if (opening !== undefined) {
      const names = [...attributes.matchAll(/([\w:-]+)="/g)].map(([, name]) => name);
      assert.equal(new Set(names).size, names.length, `an attribute twice: ${around}`);
      if (empty !== "/") open.push(opening);
    }
    // A style sheet has `>` and quotes; no text and no attribute has a bare ampersand.
    assert.doesNotMatch(token, /&(?!(?:amp|lt|gt|quot|#39);)/, `a bare & in: ${around}`);
  }
  assert.deepEqual(open, []);
}
