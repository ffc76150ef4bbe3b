/** Who is measured: the sidecar, or the least that this runtime can do, as the floor for its figures. */
import { join } from "node:path";
import { freePorts } from "../../test/support/process/ports.ts";
import { startSidecar } from "../../test/support/process/sidecar.ts";
import { temporaryDirectory } from "../../test/support/process/temporary-directory.ts";
import { startNginxApplication } from "../load/application/nginx-application.ts";
import { startOwnApplication } from "../load/application/own-application.ts";
import type { Application } from "../load/application/application.ts";
import { find } from "../load/processes/tools.ts";
import { monotonicMs } from "../machine/monotonic.ts";
import { OrderProcess } from "../machine/order-process.ts";
import type { BareOrder } from "./bare-server.ts";
import { changesOf, type Change } from "./changes.ts";
import { LEAVES, type Mesh } from "./mesh.ts";

export interface Subject {
  readonly name: "postern" | "bare";
  /** Name of the application behind it. */
  readonly application: string;
  readonly pid: number;
  readonly port: number;
  /** @param openMs how long it may take to open the connections of a change */
  readonly changes: (openMs: number) => readonly Change[];
}

export async function startPostern(mesh: Mesh, workers: number, stack: AsyncDisposableStack): Promise<Subject> {
  const directory = stack.use(temporaryDirectory());
  const application = await startApplication(directory.path);
  stack.use(application.child);
  const sidecar = stack.use(
    await startSidecar({
      manifests: mesh.manifests(),
      backends: [{ app: application.port }],
      tls: { ...mesh.own, caPem: mesh.bundle(), crlPem: await mesh.lists() },
      workers,
      flags: ["--access-log=false"],
    }),
  );
  // Where the bench is ended from outside, nothing disposes of it.
  process.once("exit", () => sidecar.child.kill("SIGKILL"));
  mesh.follow(sidecar.directory);
  return {
    name: "postern",
    application: application.name,
    pid: sidecar.child.pid ?? 0,
    port: sidecar.port(),
    changes: (openMs) => changesOf(mesh, openMs),
  };
}

export async function startBare(mesh: Mesh, threads: number, stack: AsyncDisposableStack): Promise<Subject> {
  const [port = 0] = await freePorts(1);
  const server = stack.use(
    new OrderProcess<BareOrder["order"], { readonly id: number }>(join(import.meta.dirname, "bare-server.ts")),
  );
  const { certPem, keyPem } = mesh.own;
  await server.ask({ kind: "listen", port, threads, certPem, keyPem, caPem: mesh.bundle(), leaving: LEAVES });
  const take = (): Promise<number> => {
    const now = monotonicMs();
    return server.ask({ kind: "close" }).then(() => now);
  };
  const change = { title: "nothing but closes", give: () => mesh.ofLeavingPrincipal(), take };
  return { name: "bare", application: "none", pid: server.pid, port, changes: () => [change] };
}

function startApplication(directory: string): Promise<Application> {
  const files = { directory, name: "none", bytes: 0 };
  return find("nginx") === undefined ? startOwnApplication(files) : startNginxApplication(directory, files);
}
