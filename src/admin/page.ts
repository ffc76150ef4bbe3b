/** A response; JSON unless it is a text. */
export interface Page {
  readonly status: number;
  readonly body: string | object;
  readonly contentType?: string;
  /** Of a 405; GET and HEAD unless told. */
  readonly allow?: string;
}
