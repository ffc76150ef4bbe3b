import { sizes } from "../discovery/kubernetes/suite/sizes.ts";
import { sharedCluster } from "./shared-cluster.ts";

const cluster = sharedCluster();

sizes(() => cluster().borrow(), { burst: 1_000 });
