/** The CPU time of new connections: all contenders are alive, and are loaded in turn. */
import type { Subject } from "../load/measurements/subject.ts";
import { cpuOfTrees } from "../machine/processor-time.ts";
import { startCallers, type Callers } from "./caller-process.ts";
import { figuresOf, type Slice } from "./figures.ts";
import { kindOf, type CpuMeasurement } from "./measurement.ts";
import type { HandshakeOptions } from "./options.ts";

/** They resume nothing: Postern by default, ghostunnel ever. */
const FULL_ONLY = new Set(["postern", "postern-stream", "ghostunnel"]);

function isAsked({ contender: { family, judgesAddress } }: Subject, measurement: CpuMeasurement): boolean {
  switch (kindOf(measurement).handshake) {
    case "full":
      return true;
    case "resumed":
      return !FULL_ONLY.has(family);
    case "refused":
      return judgesAddress;
  }
}

async function slice(callers: Callers, subject: Subject, measurement: CpuMeasurement, seconds: number): Promise<Slice> {
  const { contender, pids, mutual: port, certificates: certificate } = subject;
  const connection = kindOf(measurement);
  if (connection.handshake === "resumed")
    await callers.ask({ kind: "prepare", port, certificate, version: connection.version });
  const before = cpuOfTrees(pids);
  const { connections = 0, afterHandshake = 0 } = await callers.ask({
    kind: "connect",
    port,
    certificate,
    seconds,
    connection,
  });
  return { contender: contender.name, measurement, connections, cpuUs: cpuOfTrees(pids) - before, afterHandshake };
}

export interface Heard {
  readonly say: (line: string) => void;
  /** A contender has no figure of a measurement. */
  readonly fail: (contender: string, measurement: CpuMeasurement, error: unknown) => void;
}

export async function measureCpu(
  subjects: readonly Subject[],
  { measurements, rounds, seconds }: Pick<HandshakeOptions, "measurements" | "rounds" | "seconds">,
  { say, fail }: Heard,
): Promise<readonly Slice[]> {
  await using callers = startCallers();
  const slices: Slice[] = [];
  for (const measurement of measurements.filter((one) => one !== "idle")) {
    const failed = new Set<Subject>();
    // The first round warms up.
    for (let round = 0; round <= rounds; round += 1) {
      // To and fro, so that nobody is always behind the same one.
      const inTurn = round % 2 === 0 ? subjects : subjects.toReversed();
      for (const subject of inTurn.filter((one) => isAsked(one, measurement) && !failed.has(one))) {
        try {
          const one = await slice(callers, subject, measurement, seconds);
          if (round > 0) slices.push(one);
        } catch (error) {
          failed.add(subject);
          fail(subject.contender.name, measurement, error);
        }
      }
    }
    const done = figuresOf(slices).filter((one) => one.measurement === measurement);
    say(`${measurement}: ${done.map(({ contender, value }) => `${contender} ${value.toFixed(0)} us`).join(", ")}`);
  }
  return slices;
}
