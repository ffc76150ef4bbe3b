/** Which errors tell operators what to mend: where in our code they were thrown is of no use to anybody. Pure. */

const FOR_OPERATORS: ReadonlySet<string> = new Set(["ManifestsError", "ListenError", "AdminError", "CredentialsError"]);

/** Those named above, and what the system refused. A `code` alone proves nothing: Node's errors for a wrong call have one. */
export function isForOperators(error: unknown): boolean {
  return error instanceof Error && (FOR_OPERATORS.has(error.name) || "syscall" in error);
}
