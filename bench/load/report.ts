/** A table for people, and the same figures as JSON for whoever compares runs. */

export interface Row {
  readonly contender: string;
  /** What could not be measured is told, never guessed. */
  readonly figures: Readonly<Record<string, number>> | string;
}

export interface Column {
  readonly key: string;
  readonly title: string;
  readonly decimals: number;
}

/** The last column is the ratio to the first row that was measured: machines differ, ratios less. */
export function table(columns: readonly Column[], rows: readonly Row[]): string {
  const [first] = columns;
  const base = rows.find(({ figures }) => typeof figures !== "string")?.figures;
  const ratioOf = (figures: Readonly<Record<string, number>>): string =>
    first === undefined || base === undefined || typeof base === "string"
      ? ""
      : `${((figures[first.key] ?? Number.NaN) / (base[first.key] ?? Number.NaN)).toFixed(2)}x`;
  const head = ["", ...columns.map(({ title }) => title), "ratio"];
  const body = rows.map(({ contender, figures }) =>
    typeof figures === "string"
      ? [contender, `not measured: ${figures}`]
      : [contender, ...columns.map(({ key, decimals }) => figures[key]?.toFixed(decimals) ?? "-"), ratioOf(figures)],
  );
  const widths = head.map((title, index) =>
    Math.max(title.length, ...body.filter((row) => row.length > 2).map((row) => row[index]?.length ?? 0)),
  );
  return [head, ...body]
    .map((row) =>
      row.map((cell, index) => (index === 0 ? cell.padEnd(14) : cell.padStart(widths[index] ?? 0))).join("  "),
    )
    .join("\n");
}
