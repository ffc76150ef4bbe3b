/** Which suites a report starts, how, and for how long each may last. Pure. */
import type { Reported, ReportOptions } from "./options.ts";

export interface Step {
  readonly suite: Reported;
  /** Which side, where each has a step of its own. */
  readonly of?: string;
  readonly args: readonly string[];
  /** The same for a reader: without folders of this machine. */
  readonly shown: string;
  readonly limitMinutes: number;
}

/** Two checkouts, and a bundle of each. */
export interface Sides {
  readonly commit: string;
  /** This checkout by a name that tells it from the other. */
  readonly own: string;
  readonly other: string;
  readonly bundles: readonly [own: string, other: string];
}

/** Without autocannon, which says nothing that the others do not, and takes ten seconds of each contender. */
const MEASURED = "first,steady,fixed-rate,mutual,http2,bodies,handshakes";

const FULL: Readonly<Record<Reported, readonly string[]>> = {
  load: ["--minutes", "14", "--measure", MEASURED],
  micro: [],
  start: ["--rounds", "5"],
  handshake: ["--rounds", "3", "--seconds", "1", "--connections", "2000"],
  revocation: ["--connections", "2000"],
  propagation: ["--flips", "100"],
  fleet: ["--settle-minutes", "1", "--quiet-minutes", "1"],
};

const QUICK: Readonly<Record<Reported, readonly string[]>> = {
  load: ["--quick", "--measure", MEASURED],
  micro: [],
  start: ["--rounds", "2", "--rest", "1"],
  handshake: ["--quick"],
  revocation: ["--quick"],
  propagation: ["--flips", "20"],
  fleet: ["--sidecars", "50", "--settle-minutes", "0.1", "--quiet-minutes", "0.5"],
};

/** Generous: on a quiet machine each takes about half. */
const LIMIT_MINUTES: Readonly<Record<Reported, number>> = {
  load: 18,
  micro: 5,
  start: 4,
  handshake: 8,
  revocation: 6,
  propagation: 5,
  fleet: 8,
};

function comparison(
  suite: Reported,
  sides: Sides,
): { readonly args: readonly string[]; readonly shown: string } | undefined {
  switch (suite) {
    case "load":
      return { args: ["--postern", `${sides.own},${sides.other}`], shown: ` --postern .,WORKTREE_OF_${sides.commit}` };
    case "start":
      return { args: ["--bundle", sides.bundles.join(",")], shown: ` --bundle BUNDLE,BUNDLE_OF_${sides.commit}` };
    case "micro":
    case "handshake":
    case "revocation":
    case "propagation":
    case "fleet":
      return undefined;
  }
}

/** @param sides where a baseline is measured too */
export function planOf({ suites, quick }: Pick<ReportOptions, "suites" | "quick">, sides?: Sides): readonly Step[] {
  return suites.flatMap((suite): Step[] => {
    const args = (quick ? QUICK : FULL)[suite];
    const limitMinutes = LIMIT_MINUTES[suite];
    const command = ["npm run bench --", suite, ...args].join(" ");
    const compared = sides === undefined ? undefined : comparison(suite, sides);
    const own: Step = {
      suite,
      args: [...args, ...(compared?.args ?? [])],
      shown: command + (compared?.shown ?? ""),
      limitMinutes,
    };
    if (suite !== "micro" || sides === undefined) return [own];
    const shown = `${command} --postern WORKTREE_OF_${sides.commit}`;
    return [
      { ...own, of: "this checkout" },
      { suite, of: sides.commit, args: ["--postern", sides.other], shown, limitMinutes },
    ];
  });
}
