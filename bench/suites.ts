/** Every suite, the file that it starts from, and what it does. */
export const SUITES = {
  micro: { script: "micro/authorize.ts", does: "one decision, at 100 to 1,000,000 endpoints" },
  load: { script: "load/load.ts", does: "requests, bodies and connections beside nginx, HAProxy, Envoy and others" },
  start: { script: "start/start.ts", does: "a start of the bundle, and its memory" },
  propagation: { script: "kubernetes/propagation.ts", does: "from a change at an API server to its enforcement" },
  fleet: { script: "kubernetes/fleet.ts", does: "hundreds of sidecars at one API server" },
  handshake: { script: "handshake/handshake.ts", does: "a new mTLS connection beside rivals" },
  revocation: { script: "revocation/revocation.ts", does: "from a lost right to the end of connections, under load" },
  report: { script: "report/report.ts", does: "all of the above but fleet in one run, as pages" },
  install: { script: "install.ts", does: "installs the rivals and the generators of load; asks nobody" },
} as const;

export type Suite = keyof typeof SUITES;

export function isSuite(name: string): name is Suite {
  return Object.hasOwn(SUITES, name);
}
