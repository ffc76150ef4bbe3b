/** nginx as the application: it is faster than every proxy, so that the proxy is what is measured. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../test/support/process/ports.ts";
import { nginxConfig } from "../processes/nginx-config.ts";
import { LOAD_CORE, start, type Child } from "../processes/pinned-process.ts";
import { locate } from "../processes/tools.ts";
import { BODY, type Application, type BodyFiles } from "./application.ts";

function config(directory: string, port: number, files: BodyFiles): string {
  return nginxConfig(
    directory,
    `
  default_type text/plain;
  sendfile on;
  client_max_body_size 0;
  server {
    listen 127.0.0.1:${port};
    location = / { return 200 "${BODY}"; }
    location /body/ { alias ${files.directory}/; }
    # Read to its last byte before it answers, as "return" would not.
    location /sink/ { alias ${files.directory}/; dav_methods PUT; }
  }`,
  );
}

export async function startNginxApplication(directory: string, files: BodyFiles): Promise<Application> {
  const [port = 0] = await freePorts(1);
  const file = join(directory, "nginx.conf");
  writeFileSync(file, config(directory, port, files));
  const child: Child = start(LOAD_CORE, locate("nginx"), ["-p", directory, "-c", file]);
  return { name: "nginx", port, child };
}
