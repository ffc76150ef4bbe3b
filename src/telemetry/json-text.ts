/**
 * Parts of log lines as JSON text: what JSON.stringify writes, without its price where nothing has to be escaped. No text
 * leaves this file that could end its own value or its line.
 */

/** What JSON.stringify escapes (ECMA-262, QuoteJSONString): quotes, backslashes, control characters, lone surrogates. */
// oxlint-disable-next-line no-control-regex -- these are what must not pass
const ESCAPED = /["\\\u0000-\u001f\ud800-\udfff]/;

export function jsonString(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** `,"name":"text"`, or nothing where there is no text. @param name needs no escapes */
export function stringField(name: string, text: string | undefined): string {
  return text === undefined ? "" : `,"${name}":${jsonString(text)}`;
}

/** `,"name":1`, or nothing where there is no number. @param value is finite */
export function numberField(name: string, value: number | undefined): string {
  return value === undefined ? "" : `,"${name}":${value}`;
}

/** `,"name":["text"]`, or nothing where there is no list. */
export function listField(name: string, texts: readonly string[] | undefined): string {
  return texts === undefined ? "" : `,"${name}":[${texts.map(jsonString).join(",")}]`;
}
