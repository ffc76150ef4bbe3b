/** How much others wanted of this machine while a figure was taken. */
import { readFileSync } from "node:fs";

/** Share of the time in which somebody on this machine waited for a processor, in percent, over the last minute. */
export function cpuPressure(): number {
  try {
    return Number(/^some .*avg60=([\d.]+)/m.exec(readFileSync("/proc/pressure/cpu", "latin1"))?.[1]);
  } catch {
    return Number.NaN;
  }
}
