/** The ways in which a live connection loses its right, each as something that is given and taken away. */
import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "../machine/monotonic.ts";
import type { Bearer, Mesh } from "./mesh.ts";

export interface Change {
  readonly title: string;
  /** Whose connections are to be closed, with their right in force or soon to be. */
  readonly give: () => Promise<Bearer>;
  /** Takes the right away; returns when that was, on the clock of the machine. */
  readonly take: (bearer: Bearer) => Promise<number>;
}

/** Runs `write` and tells when it began: nothing that it does is outside the time. */
function at(write: () => void): number {
  const now = monotonicMs();
  write();
  return now;
}

/** @param openMs how long it may take to open the connections: an expiring certificate must outlive that */
export function changesOf(mesh: Mesh, openMs: number): readonly Change[] {
  let end = 0;
  return [
    {
      title: "certificate expiry",
      give: () => {
        end = Math.ceil((Date.now() + openMs) / 1_000) * 1_000;
        return mesh.expiring(new Date(end));
      },
      take: async () => {
        const left = end - Date.now();
        if (left < 0) throw new Error("the certificates ended before all connections were open: open fewer");
        await delay(left);
        return monotonicMs() + (end - Date.now());
      },
    },
    {
      title: "CRL entry",
      give: async () => {
        mesh.writeLists(await mesh.lists());
        return mesh.revocable();
      },
      take: async ({ pairs }) => {
        const lists = await mesh.lists(pairs);
        return at(() => mesh.writeLists(lists));
      },
    },
    {
      title: "CA removal",
      give: () => {
        mesh.writeBundle(true);
        return mesh.ofLeavingAuthority();
      },
      take: () => Promise.resolve(at(() => mesh.writeBundle(false))),
    },
    {
      title: "principal removal",
      give: () => {
        mesh.writePrincipals(true);
        return mesh.ofLeavingPrincipal();
      },
      take: () => Promise.resolve(at(() => mesh.writePrincipals(false))),
    },
    {
      title: "endpoint removal",
      give: () => {
        mesh.writeEndpoints(true);
        return mesh.ofLeavingEndpoint();
      },
      take: () => Promise.resolve(at(() => mesh.writeEndpoints(false))),
    },
  ];
}
