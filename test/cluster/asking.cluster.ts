import { asking } from "../discovery/kubernetes/suite/asking.ts";
import { sharedCluster } from "./shared-cluster.ts";

const cluster = sharedCluster();

asking(() => cluster().borrow());
