/** What becomes of one thing of an OSM installation, for people. */
export interface Statement {
  readonly outcome: Outcome;
  /** As people write it: `IngressBackend test/basic`, `MeshConfig osm-system/osm-mesh-config spec.traffic`. */
  readonly subject: string;
  readonly text: string;
}

export type Outcome =
  /** It means the same, or is carried over by the steps. */
  | "maps"
  /** It is otherwise, and lets nobody more in and nobody less. */
  | "differs"
  /** Somebody whom OSM lets in is refused. */
  | "CLOSED"
  /** Something that OSM refuses is let in. */
  | "WEAKER";

/** Worst first. */
export const OUTCOMES: readonly Outcome[] = ["WEAKER", "CLOSED", "differs", "maps"];

/** Whoever goes on although one of these is said loses something. */
export function isLoss({ outcome }: Statement): boolean {
  return outcome === "WEAKER" || outcome === "CLOSED";
}
