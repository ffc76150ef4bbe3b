/** What nginx is told whether it is the contender or the application: one process in the foreground, nothing logged. */
import { join } from "node:path";

/**
 * @param directory for its pid and temporary files
 * @param http lines of the `http` block
 */
export function nginxConfig(directory: string, http: string): string {
  const scratch = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(directory, `nginx-${name}`)};`)
    .join("\n  ");
  // Started by root its worker would change to a user who may not read the run's folder.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `
${user}
daemon off;
master_process off;
worker_processes 1;
error_log stderr crit;
pid ${join(directory, "nginx.pid")};
events { worker_connections 20000; }
http {
  access_log off;
  ${scratch}
  keepalive_requests 100000000;
  keepalive_timeout 1h;
  ${http}
}
`;
}
