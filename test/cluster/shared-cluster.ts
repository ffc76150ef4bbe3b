/** One real cluster for all tests of a file. */
import { after, before } from "node:test";
import { RealCluster } from "./real-cluster.ts";

/** The returned function is for use inside tests. */
export function sharedCluster(options: { readonly controllers?: boolean } = {}): () => RealCluster {
  let cluster: RealCluster | undefined;
  before(async () => {
    cluster = await RealCluster.start(options);
  });
  after(() => cluster?.end());
  return () => {
    if (cluster === undefined) throw new Error("the cluster did not start");
    return cluster;
  };
}
