/** A network namespace for an API server, which takes no loopback address for an endpoint. It ends with its last process. */

/** The API server's own address, and those of Pods that the tests make up. */
const PREPARE = 'ip link set lo up && ip addr add 10.99.0.1/16 dev lo && exec "$@"';

/** The command line that runs `command` in a new one; needs `unshare` and `ip`, and no root where users may make namespaces. */
export function inNamespace(...command: readonly string[]): readonly [string, readonly string[]] {
  const flags = process.getuid?.() === 0 ? "-n" : "-rn";
  return ["unshare", [flags, "sh", "-c", PREPARE, "sh", ...command]];
}
