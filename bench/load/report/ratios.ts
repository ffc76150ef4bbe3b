/** One contender beside another in the same run. Above 1 is dearer or slower, but for bodies, where above 1 is quicker. */
import { isUnmeasured, type LoadFigure, type Maybe, type Row, type Unmeasured } from "../measurements/figures.ts";
import { difference } from "./noise.ts";
import { bodyOf, both, loadOf, type BodyKey, type LoadKey } from "./figure-of.ts";

export function cpuRatio(rows: readonly Row[], contender: string, rival: string, key: LoadKey): number | Unmeasured {
  return both(loadOf(rows, contender, key), loadOf(rows, rival, key), (own, other) => own.cpuUs / other.cpuUs);
}

/**
 * The worse of speed by the clock and of what the CPU that it took allows: where the load's core and not the proxy set the
 * speed, the clock alone would flatter.
 */
export function bodyRatio(rows: readonly Row[], contender: string, rival: string, key: BodyKey): number | Unmeasured {
  return both(bodyOf(rows, contender, key), bodyOf(rows, rival, key), (own, other) =>
    Math.min(own.mibPerSecond / other.mibPerSecond, other.cpuUs / own.cpuUs),
  );
}

/** What a proxy adds to the application's own p99, over what its rival adds. */
export function addedP99Ratio(
  rows: readonly Row[],
  direct: Maybe<LoadFigure>,
  contender: string,
  rival: string,
): number | Unmeasured {
  if (isUnmeasured(direct)) return { unmeasured: `the application alone: ${direct.unmeasured}` };
  const alone = direct.latency?.p99 ?? Number.NaN;
  const added = (name: string, { latency }: LoadFigure): number | Unmeasured => {
    const more = difference(latency?.p99 ?? Number.NaN, alone, "ms");
    return typeof more === "number" ? more : { unmeasured: `${name} adds ${more.unmeasured}` };
  };
  return both(loadOf(rows, contender, "fixedRate"), loadOf(rows, rival, "fixedRate"), (own, other) => {
    const [ownAdds, rivalAdds] = [added(contender, own), added(rival, other)];
    if (typeof ownAdds !== "number") return ownAdds;
    return typeof rivalAdds === "number" ? ownAdds / rivalAdds : rivalAdds;
  });
}
