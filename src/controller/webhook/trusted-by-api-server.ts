/** The webhook configurations name the roots by which the API server knows our webhooks: kept as the bundle is. */
import type { ApiClient } from "../../api-server/client.ts";
import { isRecord, listOf, textOf } from "../../api-server/objects.ts";
import { readObject } from "../objects/owned-objects.ts";

const PATH = "/apis/admissionregistration.k8s.io/v1";

export type WebhookKind = "mutatingwebhookconfigurations" | "validatingwebhookconfigurations";

/** Rejects with an ApiFailure, or an Error where there is no such configuration. */
export async function keepCaBundle(
  client: ApiClient,
  kind: WebhookKind,
  name: string,
  bundle: string,
  signal: AbortSignal,
): Promise<void> {
  const place = { path: `${PATH}/${kind}`, name };
  const found = await readObject(client, place, signal);
  if (found === undefined)
    throw new Error(`${kind} ${name} does not exist; apply what 'postern install' prints for this mesh`);
  const caBundle = Buffer.from(bundle).toString("base64");
  const webhooks = listOf(found, "webhooks").flatMap((webhook) => {
    const config = isRecord(webhook) ? webhook["clientConfig"] : undefined;
    const webhookName = textOf(webhook, "name");
    return webhookName === undefined || textOf(config, "caBundle") === caBundle
      ? []
      : [{ name: webhookName, clientConfig: { caBundle } }];
  });
  if (webhooks.length === 0) return;
  await client.json({
    method: "PATCH",
    path: `${place.path}/${name}`,
    // Merges by the name of each webhook, and leaves all else to whoever installs.
    contentType: "application/strategic-merge-patch+json",
    body: { webhooks },
    signal,
  });
}
