/** What is measured of a new connection. */

export const MEASUREMENTS = ["full-1.2", "full-1.3", "resumed-1.2", "resumed-1.3", "refused", "idle"] as const;
export type Measurement = (typeof MEASUREMENTS)[number];

/** Those that cost CPU; `idle` is memory. */
export type CpuMeasurement = Exclude<Measurement, "idle">;

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** How one connection is made. */
export interface ConnectionKind {
  readonly version: TlsVersion;
  /** `refused`: from an address that nobody lets in, which offers a handshake all the same. */
  readonly handshake: "full" | "resumed" | "refused";
}

export function kindOf(measurement: CpuMeasurement): ConnectionKind {
  switch (measurement) {
    case "full-1.2":
      return { version: "TLSv1.2", handshake: "full" };
    case "full-1.3":
      return { version: "TLSv1.3", handshake: "full" };
    case "resumed-1.2":
      return { version: "TLSv1.2", handshake: "resumed" };
    case "resumed-1.3":
      return { version: "TLSv1.3", handshake: "resumed" };
    case "refused":
      return { version: "TLSv1.3", handshake: "refused" };
  }
}
