/** What every HTTP connection can be told, whichever version it speaks. */
import type { Limits } from "../../../config/config.ts";
import type { Connection } from "../../forward/forwarder.ts";

export interface HttpConnection {
  readonly connection: Connection;
  /** The right is gone: what is in flight may finish within the grace, except what would never finish. */
  revoke(): void;
  /** The process is going away: the deadline is the drain's own. */
  drain(): void;
  /** Called every now and then with the monotonic clock. */
  enforceLimits(limits: Limits, nowMs: number): void;
  /** The socket is closed. */
  closed(): void;
}
