/** Who the requests of a connection come from, put into words once for all of them. */
import type { Decision, Peer } from "../../policy/decision.ts";
import type { RequestCaller } from "../../telemetry/records.ts";
import { callerText, type CallerText } from "../../telemetry/traffic-lines.ts";
import type { Connection } from "../forward/forwarder.ts";

export interface Caller {
  readonly caller: RequestCaller;
  readonly text: CallerText;
}

interface Known extends Caller {
  /** What it was made of: a connection is judged again with every snapshot. */
  readonly decision: Decision;
  readonly peer: Peer;
}

export class Callers {
  readonly #thread: number;
  readonly #known = new WeakMap<Connection, Known>();

  constructor(thread: number) {
    this.#thread = thread;
  }

  of(connection: Connection): Caller {
    const known = this.#known.get(connection);
    if (known !== undefined && known.decision === connection.decision && known.peer === connection.peer) return known;
    const caller = callerOf(connection, this.#thread);
    const made = { decision: connection.decision, peer: connection.peer, caller, text: callerText(caller) };
    this.#known.set(connection, made);
    return made;
  }
}

function callerOf({ id, backend, address, decision, peer }: Connection, thread: number): RequestCaller {
  const allowed = decision.verdict === "forward" ? decision : undefined;
  return {
    connection: id,
    thread,
    port: backend.port,
    address,
    policy: decision.policy,
    source: allowed?.source,
    principal: allowed?.principal,
    sans:
      peer.tls?.certificate.state === "verified"
        ? peer.tls.certificate.sans.map(({ type, value }) => `${type}:${value}`)
        : undefined,
  };
}
