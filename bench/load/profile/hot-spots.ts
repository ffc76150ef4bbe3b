/** Where a CPU profile's time went, by function. */

/** The part of V8's profile that is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface HotSpot {
  readonly name: string;
  /** Of all time, idle included, 0 to 1; without what the function called. */
  readonly share: number;
}

export function hotSpots({ nodes, samples, timeDeltas }: CpuProfile, most: number): readonly HotSpot[] {
  const names = new Map(
    nodes.map(({ id, callFrame: { functionName, url } }) => [
      id,
      `${functionName || "(anonymous)"} ${url.slice(url.lastIndexOf("/") + 1)}`.trim(),
    ]),
  );
  const times = new Map<string, number>();
  let total = 0;
  for (const [index, sample] of samples.entries()) {
    const time = timeDeltas[index] ?? 0;
    const name = names.get(sample) ?? "?";
    times.set(name, (times.get(name) ?? 0) + time);
    total += time;
  }
  return [...times]
    .map(([name, time]) => ({ name, share: time / total }))
    .toSorted((one, other) => other.share - one.share)
    .slice(0, most);
}
