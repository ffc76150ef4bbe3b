/** What the figures were taken on: figures of two machines are never compared. */
import { arch, cpus, release, totalmem } from "node:os";

export interface MachineStamp {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly architecture: string;
  readonly node: string;
  readonly openssl: string;
  readonly takenAt: string;
}

/** More decimals than these measurements carry are noise. */
export function rounded(value: number, decimals = 1): number {
  return Number(value.toFixed(decimals));
}

export function machineStamp(): MachineStamp {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? "unknown",
    cores: cores.length,
    memoryGiB: rounded(totalmem() / 2 ** 30),
    kernel: release(),
    architecture: arch(),
    node: process.version,
    openssl: process.versions.openssl,
    takenAt: new Date().toISOString(),
  };
}
