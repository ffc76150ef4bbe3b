/** A report as its pages show it, whatever they are written in. Texts are plain. */

export interface Table {
  readonly kind: "table";
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Plot {
  readonly kind: "plot";
  /** Of its file where it has one. */
  readonly name: string;
  /** What it shows, for those who do not see it. */
  readonly words: string;
  readonly svg: string;
}

export interface Paragraph {
  readonly kind: "paragraph";
  readonly text: string;
}

export interface List {
  readonly kind: "list";
  readonly items: readonly string[];
}

export interface Code {
  readonly kind: "code";
  readonly lines: readonly string[];
}

export type Block = Table | Plot | Paragraph | List | Code;

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface Document {
  readonly title: string;
  /** Before the first section. */
  readonly intro: readonly Block[];
  readonly sections: readonly Section[];
}

export const paragraph = (text: string): Paragraph => ({ kind: "paragraph", text });
export const list = (items: readonly string[]): List => ({ kind: "list", items });
export const table = (head: readonly string[], rows: Table["rows"]): Table => ({ kind: "table", head, rows });
export const plot = (name: string, words: string, svg: string): Plot => ({ kind: "plot", name, words, svg });
