/** Where an implementation gets its objects from. */
import type { Manifest } from "../../test/support/mesh/objects.ts";
import type { DecisionCase } from "../cases.ts";

/** What was put there is gone once it is disposed of. */
export interface World extends AsyncDisposable {
  /** What the command is told of it, as environment variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Why a case cannot be put here; `undefined` when it can. */
  obstacle(row: DecisionCase): string | undefined;
  /** The objects take the place of those of before. */
  put(objects: readonly Manifest[]): Promise<void>;
}
