/** Every suite and the file that it starts from. */
export const SUITES = {
  micro: "micro/authorize.ts",
  load: "load/load.ts",
  start: "start/start.ts",
  propagation: "kubernetes/propagation.ts",
  fleet: "kubernetes/fleet.ts",
  handshake: "handshake/handshake.ts",
  revocation: "revocation/revocation.ts",
  report: "report/report.ts",
  install: "install.ts",
} as const;

export type Suite = keyof typeof SUITES;

export function isSuite(name: string): name is Suite {
  return Object.hasOwn(SUITES, name);
}
