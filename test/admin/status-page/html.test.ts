import assert from "node:assert/strict";
import { test } from "node:test";
import { cut, html } from "../../../src/admin/status-page/html.ts";

test("what is put into a template is text, and what a template made is markup", () => {
  const name = `<img src=x onerror="alert('1')">&amp;`;
  const { text } = html`<p title="${name}">${name}${html`<b>${"<"}</b>`}${[1, undefined, false, "a"]}</p>`;
  const escaped = "&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;&#38;amp;";
  assert.equal(text, `<p title="${escaped}">${escaped}<b>&#60;</b>1a</p>`);
});

test("an object that looks like markup does not pass for it", () => {
  const forged = { text: "<script>" } as unknown as string;
  assert.throws(() => html`${forged}`);
});

test("characters that hide or turn round what stands beside them are written out", () => {
  assert.equal(html`${"a\u202Eb\u0000\u200B\n\uD800"}`.text, "a\\u{202e}b\\u{0}\\u{200b}\\u{a}\\u{d800}");
});

test("a long text is cut, which is said", () => {
  assert.equal(cut("abcdef", 4), "abcd… (2 more)");
  assert.ok(html`${"x".repeat(1_000_000)}`.text.length < 2_100);
});
