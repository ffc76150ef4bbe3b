/**
 * Metrics whose values are read when they are asked for: the threads and the control side count by themselves, and prom-client
 * makes the text.
 */
import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { DURATION_BUCKETS, type DurationRow } from "../telemetry/duration-counts.ts";

/** One time series: its labels, and its value now. */
export type Series = readonly [labels: Readonly<Record<string, string | number>>, value: number];

export interface MetricText {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** @param read gives every series there is; those of before are forgotten */
export function readGauge(
  registry: Registry,
  { name, help, labels = [] }: MetricText,
  read: () => Iterable<Series>,
): void {
  void new Gauge({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      this.reset();
      for (const [values, value] of read()) this.set(values, value);
    },
  });
}

/** @param read gives totals since the start, which never fall */
export function readCounter(
  registry: Registry,
  { name, help, labels = [] }: MetricText,
  read: () => Iterable<Series>,
): void {
  void new Counter({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      this.reset();
      for (const [values, value] of read()) this.inc(values, value);
    },
  });
}

/** @param read gives a row of counts by backend port */
export function readDurations(
  registry: Registry,
  { name, help }: MetricText,
  read: () => Readonly<Record<string, DurationRow>>,
): void {
  void new ReadHistogram(name, help, registry, read);
}

class ReadHistogram extends Histogram<"port"> {
  readonly #text: { readonly name: string; readonly help: string };
  readonly #read: () => Readonly<Record<string, DurationRow>>;

  constructor(name: string, help: string, registry: Registry, read: () => Readonly<Record<string, DurationRow>>) {
    super({ name, help, labelNames: ["port"], buckets: [...DURATION_BUCKETS], registers: [registry] });
    this.#text = { name, help };
    this.#read = read;
  }

  /** What prom-client 15 asks for where it makes text; its `get()` is made of it too. */
  getForPromString(): Promise<object> {
    const { name } = this.#text;
    const values = Object.entries(this.#read()).flatMap(([port, row]) => {
      const count = row[DURATION_BUCKETS.length + 1] ?? 0;
      const bounds: readonly (readonly [number | string, number])[] = [
        ...DURATION_BUCKETS.map((bound, index) => [bound, row[index] ?? 0] as const),
        ["+Inf", count],
      ];
      return [
        ...bounds.map(([le, value]) => ({ metricName: `${name}_bucket`, labels: { port, le }, value })),
        { metricName: `${name}_sum`, labels: { port }, value: row[DURATION_BUCKETS.length] ?? 0 },
        { metricName: `${name}_count`, labels: { port }, value: count },
      ];
    });
    return Promise.resolve({ ...this.#text, type: "histogram", aggregator: "sum", values });
  }
}
