/** Contour's manifest as its project publishes it: from a file, or over https. Nothing of it is kept here. */
import { createHash } from "node:crypto";
import { readTextFile } from "../../files/read-text.ts";

/** The release that `--with-contour` alone means, by its content: what is fetched must be what was tested. */
export const CONTOUR_RELEASE = {
  version: "1.33.8",
  url: "https://raw.githubusercontent.com/projectcontour/contour/v1.33.8/examples/render/contour.yaml",
  sha256: "5738381ac751bf5983c6125f6ee0489b2e2ab2b8bf732c7de409476f3b103696",
} as const;

const TIMEOUT_MS = 30_000;
const MOST_BYTES = 16 * 1024 * 1024;

/** @param from a file or an https URL; empty: the pinned release @throws naming it, and what to do */
export async function publishedManifest(from: string): Promise<string> {
  if (from === "") return pinned(await fetched(CONTOUR_RELEASE.url));
  if (/^https:\/\//i.test(from)) return fetched(from);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(from))
    throw new Error(`${from}: expected a file or an https URL: what is read here gets rights in the cluster`);
  try {
    return await readTextFile(from);
  } catch (error) {
    throw new Error(`${from} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function pinned(text: string): string {
  const { url, sha256, version } = CONTOUR_RELEASE;
  const found = createHash("sha256").update(text).digest("hex");
  if (found === sha256) return text;
  throw new Error(
    `${url} is not what was tested as Contour ${version} (sha256 ${found}); look at it and give it as --with-contour=FILE`,
  );
}

async function fetched(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    if (!response.url.startsWith("https:")) throw new Error("it leads to an address without TLS");
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > MOST_BYTES) throw new Error(`it has more than ${MOST_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  } catch (error) {
    throw new Error(`${url} cannot be read: ${messageOf(error)}; a file can be given: --with-contour=FILE`, {
      cause: error,
    });
  }
}

function messageOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
