/** A running contender: with a folder and ports of its own, ended whatever happens. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../../test/support/process/ports.ts";
import type { Certificates } from "../certificates.ts";
import type { Contender, Place } from "../contenders/contender.ts";
import { openLogPipe } from "../processes/log-pipe.ts";
import { whenReady } from "./correctness.ts";
import type { Subject } from "./subject.ts";

export interface Setting {
  /** Where its folder is made. */
  readonly directory: string;
  readonly certificates: Certificates;
  readonly appPort: number;
  readonly profiled: boolean;
}

/** Starts it, does something with it once it answers, and ends it. @throws when it does not answer */
export async function withRunning<Outcome>(
  contender: Contender,
  { directory, certificates, appPort, profiled }: Setting,
  use: (subject: Subject, place: Place) => Promise<Outcome>,
): Promise<Outcome> {
  const folder = mkdtempSync(join(directory, `${contender.family}-`));
  const [serverOnly = 0, mutual = 0] = await freePorts(2);
  await using log = openLogPipe(join(folder, "access-log"));
  const ports = { serverOnly, mutual };
  const place = { directory: folder, certificates, appPort, ports, accessLog: log.fd, profiled };
  await using stack = new AsyncDisposableStack();
  const children = contender.start(place).map((child) => stack.use(child));
  await whenReady(children, [serverOnly, mutual], certificates, log.beginning);
  const subject = { contender, pids: children.map(({ pid }) => pid), certificates, serverOnly, mutual };
  return await use(subject, place);
}
