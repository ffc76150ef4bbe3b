/** Credentials towards the API server, and the trust anchors for its certificate. Files are read again when they may have been rotated. */

/** TLS side of one connection attempt, in the terms of `tls.connect`. */
export interface ApiTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface ApiCredentials {
  /** Base address, e.g. `https://10.0.0.1:443`; a path in it prefixes every request. */
  readonly server: URL;
  /** For people: where these come from. */
  readonly origin: string;
  /** Read for every connection, so a rotated CA serves the next one. Rejects when a file cannot be read. */
  tls(): Promise<ApiTls>;
  /** Headers of every request (`authorization`, impersonation). Rejects when a file cannot be read. */
  headers(): Promise<Readonly<Record<string, string>>>;
  /** The server refused us: whatever is cached must be read again. */
  refused(): void;
}
