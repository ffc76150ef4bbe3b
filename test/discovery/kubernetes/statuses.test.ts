import { StandInCluster } from "../../support/api-server/test-cluster.ts";
import { statuses } from "./suite/statuses.ts";

statuses(() => StandInCluster.start());
