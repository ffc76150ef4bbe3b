/** An application of a few lines on Node: it checks what contenders pass on, and stands in where nginx is not installed. */
import { join } from "node:path";
import { LOAD_CORE, start } from "../processes/pinned-process.ts";
import type { Application, BodyFiles } from "./application.ts";

export async function startOwnApplication(files: BodyFiles): Promise<Application> {
  const script = join(import.meta.dirname, "own-server.ts");
  const child = start(LOAD_CORE, process.execPath, [script], { env: { BODY_BYTES: String(files.bytes) } });
  for (let attempt = 0; attempt < 400 && !child.exited(); attempt += 1) {
    const port = /listening on (\d+)/.exec(child.output())?.[1];
    if (port !== undefined) return { name: "Node", port: Number(port), child };
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`the application does not start: ${child.output()}`);
}
