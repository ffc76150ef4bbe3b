/** The roots that the mesh trusts: those that are wanted, and former ones until what they have signed has ended. */
import { X509Certificate } from "node:crypto";
import { splitPem } from "../../tls/x509/pem.ts";

export interface Bundle {
  /** PEM, the wanted roots first. */
  readonly pem: string;
  /** By SHA-256 fingerprint, when a root that is no longer wanted leaves; milliseconds since the epoch. */
  readonly retiring: Readonly<Record<string, number>>;
}

export interface BundleChange {
  readonly former: Bundle | undefined;
  /** PEM. */
  readonly wanted: readonly string[];
  readonly now: number;
  /** How long a root stays that is not wanted any more: the longest life of a certificate. */
  readonly keepMs: number;
}

/** A block of the former bundle that is no certificate is left out: nobody can have trusted it. */
export function nextBundle({ former, wanted, now, keepMs }: BundleChange): Bundle {
  const roots = new Map(wanted.flatMap(splitPem).flatMap((pem) => read(pem)));
  const retiring: Record<string, number> = {};
  const kept = new Map<string, string>();
  for (const [fingerprint, { pem, end }] of splitPem(former?.pem ?? "").flatMap((block) => read(block))) {
    if (roots.has(fingerprint)) continue;
    const until = Math.min(former?.retiring[fingerprint] ?? now + keepMs, end);
    if (until <= now) continue;
    retiring[fingerprint] = until;
    kept.set(fingerprint, pem);
  }
  return { pem: [...[...roots.values()].map(({ pem }) => pem), ...kept.values()].join(""), retiring };
}

/** Whether every wanted root is in the bundle, by its certificate and not by its text. */
export function holdsAll(pem: string, wanted: readonly string[]): boolean {
  const held = new Set(splitPem(pem).flatMap((block) => read(block).map(([fingerprint]) => fingerprint)));
  return wanted.flatMap(splitPem).every((block) => read(block).every(([fingerprint]) => held.has(fingerprint)));
}

function read(block: string): readonly [fingerprint: string, root: { readonly pem: string; readonly end: number }][] {
  try {
    const certificate = new X509Certificate(block);
    return [
      [
        certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
        { pem: certificate.toString(), end: certificate.validToDate.getTime() },
      ],
    ];
  } catch {
    return [];
  }
}
