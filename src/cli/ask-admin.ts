/** One question to the admin port of a sidecar, which may turn out to be something else. */
import { describeNoJson } from "../policy/explain/no-json.ts";
import { asArray, asRecord, asString, field } from "../policy/objects/unknown.ts";
import { fetchText } from "./fetch-text.ts";

const NO_ADMIN_PORT = "that is no admin port of a sidecar, expected one such as http://127.0.0.1:15000";

/**
 * @returns the body of a response with 200, whatever it is
 * @throws in words that follow the URL, with what the sidecar says against the question, or what responds in its place
 */
export async function askAdmin(url: URL): Promise<string> {
  const { status, text } = await fetchText(url);
  if (status === 200) return text;
  const problems = problemsIn(text);
  if (problems.length > 0) throw new Error(problems.join("; "));
  throw new Error(`${url.pathname} responds with ${status}: ${NO_ADMIN_PORT}`);
}

/** As `askAdmin`, for a page in JSON. */
export async function askAdminJson(url: URL): Promise<unknown> {
  const text = await askAdmin(url);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${url.pathname}: ${describeNoJson(text, error)}: ${NO_ADMIN_PORT}`, { cause: error });
  }
}

export function notAdminPort(url: URL): Error {
  return new Error(`${url.pathname} has JSON of another kind: ${NO_ADMIN_PORT}`);
}

function problemsIn(text: string): readonly string[] {
  try {
    return asArray(field(asRecord(JSON.parse(text)), "problems")).flatMap((problem) => asString(problem) ?? []);
  } catch {
    return [];
  }
}
