import { statuses } from "../discovery/kubernetes/suite/statuses.ts";
import { sharedCluster } from "./shared-cluster.ts";

const cluster = sharedCluster();

statuses(() => cluster().borrow());
