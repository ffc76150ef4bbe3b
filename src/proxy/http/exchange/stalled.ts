/**
 * Ends exchanges in which nothing moves. The response says who was awaited: 408 the caller's request, 504 the application. A
 * caller that does not read its response is cut.
 */
import type { Limits } from "../../../config/config.ts";
import type { Exchange } from "./exchange.ts";

export function endIfStalled(exchange: Exchange, limits: Limits, nowMs: number): void {
  const { sendingMs, readingMs, unreadMs } = exchange.stalledMs(nowMs);
  if (sendingMs >= limits.requestIdleTimeoutMs) exchange.refuse(408, "stream timeout");
  else if (limits.responseIdleTimeoutMs > 0 && unreadMs >= limits.responseIdleTimeoutMs)
    exchange.refuse(504, "stream timeout");
  // A caller that takes nothing of its response holds the application's connection and our memory for it.
  else if (readingMs >= limits.requestIdleTimeoutMs) exchange.cancel();
}
