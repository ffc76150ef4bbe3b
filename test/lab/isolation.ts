/** Why nothing of the laboratory outlives it. */

/**
 * Runs a command in namespaces of its own: network, mounts and processes. Whoever kills any part of it kills all of it, and
 * /run is its own and holds temporary files too, so that neither they nor the names of network namespaces are seen outside.
 */
export const ISOLATED = [
  "setpriv",
  "--pdeathsig=KILL",
  "unshare",
  "--net",
  "--mount",
  "--pid",
  "--fork",
  "--kill-child",
  "--mount-proc",
  "--propagation=private",
  "sh",
  "-c",
  'mount -t tmpfs tmpfs /run && mkdir /run/netns /run/lock /run/tmp && export TMPDIR=/run/tmp && ip link set lo up && "$@"; exit $?',
  "sh",
] as const;
