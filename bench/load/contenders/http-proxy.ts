/** http-proxy, the library that Node programs take for this. */
import { join } from "node:path";
import { PROXY_CORE, start } from "../processes/pinned-process.ts";
import type { Contender } from "./contender.ts";

export const HTTP_PROXY: Contender = {
  name: "http-proxy",
  family: "http-proxy",
  note: "1.18, keep-alive agent, https.Server",
  missing: () => undefined,
  judgesAddress: false,
  http2: false,
  start: ({ certificates, appPort, ports }) => {
    const script = join(import.meta.dirname, "http-proxy-server.ts");
    const env = { RIVAL: JSON.stringify({ ...certificates, appPort, ...ports }) };
    return [start(PROXY_CORE, process.execPath, ["--no-deprecation", script], { env })];
  },
};
