/**
 * How the bytes of a backend are carried, and with that what its TLS side offers. The one place that knows both, so
 * that a new protocol is added here.
 */
import type { BackendConfig, ForwardMode } from "../../config/config.ts";
import type { OpenRule } from "../../policy/snapshot.ts";

/** An explicit setting first, then the Service port's `appProtocol`, then `http`. */
export function forwardMode(backend: BackendConfig, rule: OpenRule): ForwardMode {
  if (backend.forward !== undefined) return backend.forward;
  switch (rule.appProtocol) {
    case undefined:
    case "http":
    case "kubernetes.io/ws":
      return "http";
    case "kubernetes.io/h2c":
    case "grpc":
      return "h2c";
    default:
      return "stream";
  }
}

/** ALPN protocols that a backend of this mode speaks; none means that the extension is ignored. */
export function alpnProtocols(mode: ForwardMode): readonly string[] {
  switch (mode) {
    case "http":
    case "h2c":
      return ["h2", "http/1.1"];
    case "stream":
      return [];
  }
}
