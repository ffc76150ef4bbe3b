/** One GET of an admin port. */
const TIMEOUT_MS = 10_000;
/** Of a memory of peers, which is bounded far below. */
const MOST_BYTES = 256 * 1024 * 1024;

export interface FetchedText {
  readonly status: number;
  readonly text: string;
}

/** @throws in words that follow the name of what was asked */
export async function fetchText(url: URL): Promise<FetchedText> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "error" });
    return { status: response.status, text: await readBody(response) };
  } catch (error) {
    throw new Error(wordsOf(error), { cause: error });
  }
}

/** Whatever its header says of its length, and whether it says anything. */
async function readBody({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error(`it responds with more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function wordsOf(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no response within ${TIMEOUT_MS / 1_000} s`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED") return "nobody listens there: is the sidecar running, and the port-forward?";
  // An error of several attempts has no message of its own.
  return cause.message === "" ? `cannot be read: ${code ?? cause.name}` : cause.message;
}
