import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { asking } from "./suite/asking.ts";

asking(() => StandInCluster.start());
