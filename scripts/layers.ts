/**
 * Which room of src may import which: the code map of ARCHITECTURE.md as a table. `check-layers.ts` holds it.
 *
 * A room is one folder without those below it, or one file at the top of src. Its files may import each other and what
 * their row names: a room, or a single file of one. Type-only imports count. Rows go from the ground up: a row names only
 * rooms above it, so no circle of rooms can be written here. A file may be named from below when it imports nothing of ours.
 */
export const LAYERS: Readonly<Record<string, readonly string[]>> = {
  policy: [],
  telemetry: ["policy/decision.ts"],
  config: ["policy", "telemetry"],
  files: [],
  tls: ["policy", "telemetry", "config/config.ts", "files"],
  redirect: ["policy", "telemetry"],
  pki: ["policy", "telemetry"],

  discovery: ["policy", "telemetry", "config/config.ts"],
  "discovery/manifests": ["policy", "telemetry", "files", "discovery"],
  "discovery/kubernetes": ["policy", "telemetry", "discovery"],

  // proxy and discovery never see each other.
  proxy: ["policy", "telemetry", "tls", "config/config.ts"],
  "proxy/forward": ["policy", "telemetry", "config/config.ts"],
  "proxy/stream": ["policy", "telemetry", "config/config.ts", "proxy/forward"],
  "proxy/connection": ["policy", "telemetry", "tls", "config/config.ts", "proxy/forward"],
  "proxy/http/wire": [],
  "proxy/http/upstream": [
    "telemetry",
    "config/config.ts",
    "proxy/forward",
    "proxy/http/wire",
    "proxy/http/http2-limits.ts",
  ],
  "proxy/http/exchange": ["policy", "telemetry", "config/config.ts", "proxy/forward", "proxy/http/upstream"],
  "proxy/http/http1": [
    "telemetry",
    "config/config.ts",
    "proxy/forward",
    "proxy/http/exchange",
    "proxy/http/upstream",
    "proxy/http/wire",
  ],
  "proxy/http/http2": [
    "telemetry",
    "config/config.ts",
    "proxy/forward",
    "proxy/http/exchange",
    "proxy/http/upstream",
    "proxy/http/http2-limits.ts",
  ],
  "proxy/http": [
    "telemetry",
    "config/config.ts",
    "proxy/forward",
    "proxy/http/exchange",
    "proxy/http/http1",
    "proxy/http/http2",
    "proxy/http/upstream",
  ],
  "proxy/thread": [
    "policy",
    "telemetry",
    "tls",
    "config/config.ts",
    "proxy",
    "proxy/connection",
    "proxy/forward",
    "proxy/http",
    "proxy/http/exchange/trace-context.ts",
    "proxy/stream",
  ],
  // The main thread names the file that a thread starts from, and knows nothing else of what runs there.
  "proxy/control": ["policy", "telemetry", "tls", "config/config.ts", "proxy", "proxy/thread/thread.ts"],

  admin: ["policy", "telemetry", "tls", "config/config.ts", "discovery", "proxy", "proxy/control"],
  "sidecar.ts": [
    "policy",
    "telemetry",
    "tls",
    "config/config.ts",
    "discovery",
    "discovery/manifests",
    "discovery/kubernetes",
    "proxy",
    "proxy/control",
    "admin",
  ],
  cli: [
    "policy",
    "telemetry",
    "tls",
    "config",
    "redirect",
    "pki",
    "discovery",
    "discovery/manifests",
    "discovery/kubernetes",
    "admin",
    "sidecar.ts",
  ],
  "main.ts": ["cli"],
  // The entry of the package's export map, imported by nothing here.
  "policy-library.ts": ["policy", "discovery/world.ts", "discovery/manifests/kinds.ts"],
};
