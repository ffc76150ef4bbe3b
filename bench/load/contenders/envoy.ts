/** Envoy, the sidecar that Postern stands in for. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROXY_CORE, start } from "../processes/pinned-process.ts";
import { locate, missing } from "../processes/tools.ts";
import type { Contender } from "./contender.ts";
import { envoyConfig, type EnvoyForm } from "./envoy-config.ts";

function envoy(name: string, form: EnvoyForm, note: string): Contender {
  return {
    name,
    family: name,
    note,
    missing: () => missing("envoy"),
    judgesAddress: true,
    http2: form !== "tcp",
    start: (place) => {
      const file = join(place.directory, "envoy.json");
      writeFileSync(file, JSON.stringify(envoyConfig(form, place)));
      const args = ["-c", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"];
      return [start(PROXY_CORE, locate("envoy"), args, form === "http-log" ? { stdout: place.accessLog } : {})];
    },
  };
}

export const ENVOYS: readonly Contender[] = [
  envoy("envoy", "http", "RBAC as OSM has it, no access log"),
  envoy("envoy-log", "http-log", "the same with OSM's access log"),
  envoy("envoy-tcp", "tcp", "RBAC, bytes copied"),
];
