/** Every contender beside the three that a reader knows. */
import { isUnmeasured, type Unmeasured } from "../measurements/figures.ts";
import type { Outcome } from "../measurements/measure-all.ts";
import { addedP99Ratio, bodyRatio, cpuRatio } from "./ratios.ts";
import { textTable } from "./text-table.ts";

const RIVALS = ["nginx", "haproxy", "envoy"];
const COLUMNS = ["HTTP/1.1", "first", "mTLS", "HTTP/2", "handshake", "added p99", "body down", "body up"];

function cell(ratio: number | Unmeasured): string {
  return typeof ratio === "number" && Number.isFinite(ratio) ? ratio.toFixed(2) : "-";
}

function ratioTable({ rows, direct }: Outcome, rival: string): string {
  const body = rows
    .filter(({ contender, result }) => contender !== rival && !isUnmeasured(result))
    .map(({ contender }) => [
      contender,
      cell(cpuRatio(rows, contender, rival, "steady")),
      cell(cpuRatio(rows, contender, rival, "first")),
      cell(cpuRatio(rows, contender, rival, "mutual")),
      cell(cpuRatio(rows, contender, rival, "http2")),
      cell(cpuRatio(rows, contender, rival, "handshakeFull")),
      cell(addedP99Ratio(rows, direct, contender, rival)),
      cell(bodyRatio(rows, contender, rival, "bodyDown")),
      cell(bodyRatio(rows, contender, rival, "bodyUp")),
    ]);
  return `\nTimes ${rival} (CPU and latency: less is better; bodies: more is better)\n${textTable(["", ...COLUMNS], body)}`;
}

export function ratioTables(outcome: Outcome): string {
  const known = RIVALS.filter((rival) =>
    outcome.rows.some(({ contender, result }) => contender === rival && !isUnmeasured(result)),
  );
  return known.map((rival) => ratioTable(outcome, rival)).join("\n");
}
