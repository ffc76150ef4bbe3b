/** Postern in each of its forms, from any checkout and on any Node. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROXY_CORE, start } from "../processes/pinned-process.ts";
import { PROFILE_FOLDER } from "../profile/profile-files.ts";
import type { Contender } from "./contender.ts";
import { MUTUAL_PORT, posternManifests, SERVER_ONLY_PORT } from "./postern-policy.ts";

/** One runtime and one checkout. */
export interface PosternBuild {
  /** What its contenders are named with, "" for the only one. */
  readonly suffix: string;
  readonly node: string;
  readonly checkout: string;
}

interface Form {
  readonly family: string;
  readonly forward: "http" | "stream";
  readonly accessLog: boolean;
  readonly resumption?: boolean;
  readonly note: string;
}

const FORMS: readonly Form[] = [
  { family: "postern", forward: "http", accessLog: false, note: "parsed and rewritten, no access log" },
  { family: "postern-log", forward: "http", accessLog: true, note: "as installed" },
  { family: "postern-stream", forward: "stream", accessLog: false, note: "bytes copied, no access log" },
];

/** What a gateway's reconnections cost: of use to 'bench handshake' alone. */
const RESUMING: Form = {
  family: "postern-resuming",
  forward: "http",
  accessLog: false,
  resumption: true,
  note: "sessions resumed",
};

const flags = (values: Readonly<Record<string, string | number | boolean>>): readonly string[] =>
  Object.entries(values).map(([name, value]) => `--${name}=${value}`);

function contender({ suffix, node, checkout }: PosternBuild, form: Form): Contender {
  const { family, forward, accessLog, resumption = false, note } = form;
  return {
    name: family + suffix,
    family,
    note,
    missing: () => undefined,
    judgesAddress: true,
    http2: forward === "http",
    start: ({ directory, certificates, appPort, ports, accessLog: log, profiled }) => {
      const policies = join(directory, "policies");
      mkdirSync(policies);
      writeFileSync(join(policies, "policies.yaml"), posternManifests());
      const backend = (port: number, listen: number): string =>
        `--backend=port=${port},listen=127.0.0.1:${listen},app=127.0.0.1:${appPort},forward=${forward}`;
      const profiler = join(import.meta.dirname, "../profile/profile-thread.ts");
      const argv = [
        ...(profiled ? ["--import", profiler] : []),
        join(checkout, "src/main.ts"),
        "run",
        ...flags({ manifests: policies, namespace: "shop", service: "cart", workers: 1, admin: "127.0.0.1:0" }),
        ...flags({ "tls-cert": certificates.serverCert, "tls-key": certificates.serverKey, "tls-ca": certificates.ca }),
        ...flags({ "access-log": accessLog, ...(resumption && { "tls-resumption": "on" }) }),
        backend(SERVER_ONLY_PORT, ports.serverOnly),
        backend(MUTUAL_PORT, ports.mutual),
      ];
      const env = profiled ? { [PROFILE_FOLDER]: directory } : {};
      return [start(PROXY_CORE, node, argv, { env, ...(accessLog && { stdout: log }) })];
    },
  };
}

export function resumingPosterns(builds: readonly PosternBuild[]): readonly Contender[] {
  return builds.map((build) => contender(build, RESUMING));
}

export function posterns(builds: readonly PosternBuild[]): readonly Contender[] {
  return FORMS.flatMap((form) => builds.map((build) => contender(build, form)));
}
