import { outages } from "../discovery/kubernetes/suite/outages.ts";
import { sharedCluster } from "./shared-cluster.ts";

const cluster = sharedCluster();

outages(() => cluster().borrow());
