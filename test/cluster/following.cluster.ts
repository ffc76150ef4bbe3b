import { after, before } from "node:test";
import { following } from "../discovery/kubernetes/suite/following.ts";
import { RealCluster } from "./real-cluster.ts";

let cluster: RealCluster;
// The namespace controller has a part in it.
before(async () => (cluster = await RealCluster.start({ controllers: true })));
after(() => cluster.end());

following(() => cluster.borrow());
