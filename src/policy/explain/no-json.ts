/** Error messages for input that is not JSON: what it holds instead, in place of the parser's own message. */

/** Characters of the input that a message quotes. */
const LONGEST_SHOWN = 60;

/** @param error what JSON.parse has thrown at the text */
export function describeNoJson(text: string, error: unknown): string {
  const problem = error instanceof Error ? error.message : "";
  const start = text.trimStart();
  if (start === "") return "it is empty";
  // What is no UTF-8 has been read as replacement characters.
  if (text.includes("\0") || text.includes("\ufffd")) return "it holds binary data";
  if (start.startsWith("<")) return "it holds HTML or XML";
  const isCutOff =
    /^[[{]/.test(start) && /end of JSON|Unterminated|after property value|after array element/.test(problem);
  if (isCutOff && !/[\]}]$/.test(text.trimEnd())) return "it holds JSON that is cut off";
  return `it holds text that is no JSON and begins with ${JSON.stringify(shorten(start))}`;
}

function shorten(text: string): string {
  const [line = ""] = text.split(/[\r\n]/, 1);
  return line.length <= LONGEST_SHOWN ? line : `${line.slice(0, LONGEST_SHOWN)}...`;
}
