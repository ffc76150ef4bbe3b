/** One GET of an admin port. */
const TIMEOUT_MS = 10_000;
/** Of a memory of peers, which is bounded far below. */
const MOST_BYTES = 256 * 1024 * 1024;

export interface FetchedText {
  readonly status: number;
  readonly text: string;
}

/** @throws with the URL and what went wrong */
export async function fetchText(url: URL): Promise<FetchedText> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "error" });
    if (Number(response.headers.get("content-length") ?? 0) > MOST_BYTES)
      throw new Error(`the answer has more than ${MOST_BYTES} bytes`);
    return { status: response.status, text: await response.text() };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new Error(`${url.href} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause: error,
    });
  }
}
