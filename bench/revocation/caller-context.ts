/** What a caller shows, made once for all its connections. */
import { createSecureContext, type SecureContext } from "node:tls";
import type { Bearer } from "./mesh.ts";

export function contextsOf({ ca, pairs }: Bearer): readonly SecureContext[] {
  return pairs.map(({ certPem, keyPem }) =>
    createSecureContext({ ca, cert: certPem, key: keyPem, ecdhCurve: "X25519" }),
  );
}
