/** The published bundle: the Secret `osm-ca-bundle` of the mesh's namespace, which remembers what retires when. */
import type { ApiClient } from "../../api-server/client.ts";
import { BUNDLE_KEY, BUNDLE_NAME } from "../names.ts";
import {
  annotationOf,
  isOurs,
  readObject,
  secretObject,
  secretPlace,
  secretTexts,
  writeObject,
} from "../objects/owned-objects.ts";
import { holdsAll, nextBundle, type Bundle } from "./bundle.ts";

const RETIRING_ANNOTATION = "postern.dev/retiring";

export interface BundleSecretOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  /** How long a root stays that signs no more: the longest life of a certificate. */
  readonly keepMs: number;
}

/**
 * A Secret that is somebody else's (OSM's, beside which this mesh has its CA) stays as it is as long as it holds every root
 * that is wanted, whatever its text: those who read it trust this mesh then. Of ours nothing but the roots is left, since
 * gateways of other namespaces read it: OSM keeps the CA's key beside them.
 *
 * @param wanted PEM
 * @returns the bundle, PEM: the wanted roots alone while the Secret is somebody else's. Rejects with an ApiFailure or a
 *   ForeignObjectError.
 */
export async function publishBundle(
  { client, namespace, keepMs }: BundleSecretOptions,
  wanted: readonly string[],
  now: number,
  signal: AbortSignal,
): Promise<string> {
  const place = secretPlace(namespace, BUNDLE_NAME);
  const found = await readObject(client, place, signal);
  const texts = found === undefined ? {} : secretTexts(found);
  const pem = texts[BUNDLE_KEY] ?? "";
  if (found !== undefined && !isOurs(found) && holdsAll(pem, wanted))
    return nextBundle({ former: undefined, wanted, now, keepMs }).pem;
  const former: Bundle | undefined = found && {
    pem,
    retiring: readRetiring(annotationOf(found, RETIRING_ANNOTATION)),
  };
  const bundle = nextBundle({ former, wanted, now, keepMs });
  const same = former?.pem === bundle.pem && JSON.stringify(former.retiring) === JSON.stringify(bundle.retiring);
  if (same && Object.keys(texts).length === 1) return bundle.pem;
  const annotations = { [RETIRING_ANNOTATION]: JSON.stringify(bundle.retiring) };
  await writeObject(
    client,
    place,
    found,
    secretObject("Opaque", { [BUNDLE_KEY]: bundle.pem }, { annotations }),
    signal,
  );
  return bundle.pem;
}

/** Whatever else stands there: then the time of each root begins anew. */
function readRetiring(text: string | undefined): Readonly<Record<string, number>> {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return Object.fromEntries(
      Object.entries(value ?? {}).flatMap(([key, until]) => (typeof until === "number" ? [[key, until]] : [])),
    );
  } catch {
    return {};
  }
}
