/** What `postern check` says: one line each. */
export interface Finding {
  /** `missing` makes the check fail; a note does not. */
  readonly state: "ok" | "missing" | "note";
  readonly text: string;
}

export const ok = (text: string): Finding => ({ state: "ok", text });
export const missing = (text: string): Finding => ({ state: "missing", text });
export const note = (text: string): Finding => ({ state: "note", text });
