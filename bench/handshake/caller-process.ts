/** The process of the callers, from the side of the bench. */
import { join } from "node:path";
import { OrderProcess } from "../machine/order-process.ts";
import type { CallersAnswer, CallersOrder } from "./callers.ts";

export type Callers = OrderProcess<CallersOrder["order"], CallersAnswer>;

export function startCallers(): Callers {
  return new OrderProcess<CallersOrder["order"], CallersAnswer>(join(import.meta.dirname, "callers.ts"));
}
