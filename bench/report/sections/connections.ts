/** What a new connection costs, by the kind of its handshake. */
import { figureTable, ratioTable } from "../../handshake/figures.ts";
import { list, paragraph, table, type Section } from "../document.ts";
import type { HandshakeResult } from "../results.ts";

const RIVAL = "haproxy";

function asTable([head = [], ...rows]: readonly (readonly string[])[]) {
  return table(head, rows);
}

export function connectionsSection({ options, figures, failures }: HandshakeResult): Section {
  const contenders = [...new Set(figures.map(({ contender }) => contender))];
  return {
    title: "New connections",
    blocks: [
      paragraph(
        `mTLS by ECDSA P-256, one request, close; all contenders live at once on one core and are loaded in turn. Microseconds of CPU a connection, the median of ${options.rounds} rounds of ${options.seconds} s, and in parentheses the lowest and the highest; an idle connection in KiB. * The caller was refused after a whole handshake.`,
      ),
      asTable(figureTable(figures, contenders)),
      asTable(ratioTable(figures, contenders, RIVAL)),
      ...(failures.length === 0 ? [] : [list(failures.map((failure) => `Not measured: ${failure}.`))]),
    ],
  };
}
