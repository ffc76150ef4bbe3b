/** A response; JSON unless it is a text. */
export interface Page {
  readonly status: number;
  readonly body: string | object;
  readonly contentType?: string;
  /** Beside those of every response. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of a 405; GET and HEAD unless told. */
  readonly allow?: string;
}
