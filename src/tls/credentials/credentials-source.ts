/** Where credentials come from: files, the SPIFFE Workload API, or the mesh's controller. */
import type { CredentialsError } from "../credentials-error.ts";
import type { Credentials } from "../credentials.ts";

export interface CredentialsListener {
  readonly onCredentials: (credentials: Credentials) => void;
  /** What was read is not used, or not all of it; the former stays in force. Called once for each different failure. */
  readonly onFailure: (error: CredentialsError) => void;
  /** After a failure: what the source gives is in force again. */
  readonly onRecovery: () => void;
}

export interface CredentialsWatch {
  stop(): void;
}

export interface CredentialsSource {
  /** The lines of the log. */
  readonly words: { readonly failure: string; readonly recovery: string; readonly warning: string };
  /**
   * What is in force at the start; `undefined` where it comes later.
   * @throws CredentialsError for what must be mended before anything is served
   */
  first(): Promise<Credentials | undefined>;
  /** @param current what is in force: the first change gets the next generation */
  follow(current: Credentials | undefined, listener: CredentialsListener): CredentialsWatch;
}
