/**
 * The process of the steady load: requests at a fixed rate over kept connections, in an open loop, so that a wait counts
 * from when the request was due. Started by `revocation.ts`.
 */
import type { TLSSocket } from "node:tls";
import { monotonicMs } from "../machine/monotonic.ts";
import { contextsOf } from "./caller-context.ts";
import type { Bearer } from "./mesh.ts";
import { endsResponse, openConnection, REQUEST } from "./open-connection.ts";

export interface SteadyOrder {
  readonly id: number;
  readonly order:
    | {
        readonly kind: "start";
        readonly bearer: Bearer;
        readonly port: number;
        readonly connections: number;
        readonly rate: number;
      }
    /** What was answered since the last time. */
    | { readonly kind: "take" };
}

export interface SteadyAnswer {
  readonly id: number;
  readonly failure?: string;
  readonly answered?: readonly Answered[];
  /** Connections that were closed: none should be. */
  readonly wrong?: number;
}

/** When a request was due, on the clock of the machine, and how long its answer took from then; milliseconds. */
export type Answered = readonly [dueAt: number, latencyMs: number];

const TICK_MS = 1;

let answered: Answered[] = [];
let wrong = 0;
/** Connections without a request, the one that has rested longest first. */
const free: TLSSocket[] = [];
/** When requests were due that no connection was free for. */
const late: number[] = [];

function ask(socket: TLSSocket, dueAt: number): void {
  socket.write(REQUEST);
  const onData = (bytes: Buffer): void => {
    if (!endsResponse(bytes)) return;
    socket.off("data", onData);
    answered.push([dueAt, monotonicMs() - dueAt]);
    const next = late.shift();
    if (next === undefined) free.push(socket);
    else ask(socket, next);
  };
  socket.on("data", onData);
}

function closed(socket: TLSSocket): void {
  wrong += 1;
  const at = free.indexOf(socket);
  if (at !== -1) free.splice(at, 1);
}

async function start(bearer: Bearer, port: number, connections: number, rate: number): Promise<void> {
  const contexts = contextsOf(bearer);
  while (free.length < connections) {
    const context = contexts[free.length % contexts.length]!;
    const socket = await openConnection({ port, from: bearer.from, context });
    socket.once("close", () => closed(socket));
    // Without a listener the stream would pause.
    socket.resume();
    free.push(socket);
  }
  let dueAt = monotonicMs();
  setInterval(() => {
    for (const now = monotonicMs(); dueAt <= now; dueAt += 1_000 / rate) {
      const socket = free.shift();
      if (socket === undefined) late.push(dueAt);
      else ask(socket, dueAt);
    }
  }, TICK_MS);
}

async function obey({ order }: SteadyOrder): Promise<Omit<SteadyAnswer, "id">> {
  if (order.kind === "start") {
    await start(order.bearer, order.port, order.connections, order.rate);
    return {};
  }
  const taken = answered;
  answered = [];
  return { answered: taken, wrong };
}

process.on("message", (order: SteadyOrder) => {
  void obey(order)
    .catch((error: unknown) => ({ failure: String(error) }))
    .then((answer) => process.send?.({ id: order.id, ...answer }));
});
process.once("disconnect", () => process.exit(0));
