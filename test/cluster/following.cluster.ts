import { following } from "../discovery/kubernetes/suite/following.ts";
import { sharedCluster } from "./shared-cluster.ts";

// The namespace controller has a part in it.
const cluster = sharedCluster({ controllers: true });

following(() => cluster().borrow());
