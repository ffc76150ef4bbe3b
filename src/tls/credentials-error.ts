/** A credential file cannot be used; the message names it, what was expected and what to do. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
}
