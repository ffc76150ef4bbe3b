import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { outages } from "./suite/outages.ts";

outages(() => StandInCluster.start());
