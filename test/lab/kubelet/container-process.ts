/** One container as a process: in its pod's network, with a root of its own, as the user and with the capabilities that it names. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import type { Namespace } from "../network.ts";
import type { Container, SecurityContext } from "./pod-object.ts";

export interface ContainerPlan {
  readonly container: Container;
  readonly pod: SecurityContext;
  readonly namespace: Namespace;
  /** For its log and its script. */
  readonly directory: string;
  readonly commandLine: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly (readonly [from: string, to: string])[];
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export class ContainerProcess {
  readonly name: string;
  /** The code that a kubelet reports: 128 and the signal's number where that ended it. */
  readonly exited: Promise<number>;
  readonly #child: ChildProcess;
  readonly #logFile: string;

  constructor(plan: ContainerPlan) {
    this.name = plan.container.name;
    this.#logFile = join(plan.directory, `${this.name}.log`);
    const script = join(plan.directory, `${this.name}.sh`);
    writeFileSync(script, scriptOf(plan));
    // A file, as a kubelet keeps: Envoy opens the path of its stdout, which a pipe of ours cannot be.
    const log = openSync(this.#logFile, "a");
    chmodSync(this.#logFile, 0o666);
    this.#child = plan.namespace.spawn("unshare", ["--mount", "--propagation=private", "sh", script], {
      stdio: ["ignore", log, log],
      env: { PATH: "/image:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...plan.env },
    });
    closeSync(log);
    this.exited = once(this.#child, "exit").then(([code, signal]) =>
      Number(code ?? 128 + constants.signals[signal as NodeJS.Signals]),
    );
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Gone with the pod's directory. */
  get log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, "utf8") : "";
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }
}

/** Every step replaces the process, so that its id is the program's. */
function scriptOf({ container, pod, commandLine, mounts }: ContainerPlan): string {
  const user = container.securityContext?.runAsUser ?? pod.runAsUser ?? 0;
  const group = container.securityContext?.runAsGroup ?? pod.runAsGroup ?? user;
  const { add = [], drop = [] } = container.securityContext?.capabilities ?? {};
  const added = add.map((name) => `,+${name.toLowerCase()}`).join("");
  const capabilities = drop.includes("ALL") ? `--bounding-set=-all${added} --inh-caps=-all${added}` : "";
  return [
    "set -e",
    "R=$(mktemp -d)",
    "mount -t tmpfs -o mode=755 tmpfs $R",
    "for d in /*; do",
    "  case $d in /run|/image) continue;; esac",
    "  if [ -L $d ]; then cp -a $d $R$d; elif [ -d $d ]; then mkdir $R$d; mount --rbind $d $R$d; fi",
    "done",
    "mkdir -p $R/run $R/image",
    "mount -t tmpfs tmpfs $R/dev/shm",
    ...mounts.flatMap(([from, to]) => {
      // /var/run is a link that leads out of the new root.
      const at = `$R${to.replace(/^\/var\/run\//, "/run/")}`;
      return [
        `if [ -d ${quote(from)} ]; then mkdir -p ${at}; else mkdir -p $(dirname ${at}); [ -e ${at} ] || : > ${at}; fi`,
        `mount --rbind ${quote(from)} ${at}`,
      ];
    }),
    "cd /",
    `exec chroot $R setpriv --reuid=${user} --regid=${group} --clear-groups ${capabilities} -- ${commandLine.map(quote).join(" ")}`,
    "",
  ].join("\n");
}
