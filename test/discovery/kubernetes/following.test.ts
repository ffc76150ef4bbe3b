import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { following } from "./suite/following.ts";

following(() => StandInCluster.start());
