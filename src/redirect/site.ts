/** Tells a pod's network namespace from the node's own, where rules would redirect what belongs to others. */
import { access, readFile } from "node:fs/promises";

/** A setting of the kernel that only the initial network namespace has (Linux, net/core/sysctl_net_core.c). */
const INITIAL_NAMESPACE_ONLY = "/proc/sys/net/core/netdev_max_backlog";

/** Interfaces that a container runtime, a network plugin or kube-proxy makes on a node and never in a pod. */
const NODE_INTERFACE = /^(?:cni\d|cbr\d|docker\d|kube-|cali[0-9a-f]|cilium_|flannel|lxc|veth)/;

export interface KnownAddresses {
  readonly podIps: readonly string[];
  readonly nodeIp?: string;
}

/** What shows that this namespace is a node's; `undefined` when nothing does. */
export async function hostNetworkSign({ podIps, nodeIp }: KnownAddresses): Promise<string | undefined> {
  if (nodeIp !== undefined && podIps.includes(nodeIp)) return `the pod's address ${nodeIp} is the node's`;
  const isInitial = await access(INITIAL_NAMESPACE_ONLY).then(
    () => true,
    () => false,
  );
  if (isInitial) return "the machine's initial one";
  // /sys/class/net is that of the namespace which mounted it; /proc/net is always ours.
  const devices = await readFile("/proc/net/dev", "utf8").catch(() => "");
  const names = [...devices.matchAll(/^\s*([^\s:]+):/gm)].map(([, name = ""]) => name);
  const telling = names.find((name) => NODE_INTERFACE.test(name));
  return telling === undefined ? undefined : `it has the interface ${telling}`;
}
