/** A response; JSON unless it is a text. */
export interface Page {
  readonly status: number;
  readonly body: string | object;
  readonly contentType?: string;
}
