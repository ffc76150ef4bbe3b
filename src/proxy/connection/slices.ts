/** Work on many connections, in slices between which the thread serves. */
import { performance } from "node:perf_hooks";
import { contain } from "../forward/boundary.ts";

/** Longest time that one slice keeps the thread from serving; what its work leaves to be closed comes on top. */
const SLICE_MS = 0.5;

/**
 * Takes one item after the other. The first slice is over on return.
 * @param goesOn asked before every other slice: false ends it
 * @param problem gets what `work` throws, after which the rest is left
 */
export function inSlices<Item>(
  items: IterableIterator<Item>,
  work: (item: Item) => void,
  problem: (fault: Error) => void,
  goesOn: () => boolean = () => true,
): void {
  const until = performance.now() + SLICE_MS;
  for (let next = items.next(); next.done !== true; next = items.next()) {
    work(next.value);
    if (performance.now() < until) continue;
    const more = contain("thread slices", problem, () => {
      if (goesOn()) inSlices(items, work, problem, goesOn);
    });
    setImmediate(more);
    return;
  }
}
