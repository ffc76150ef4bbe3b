/** Names of Services as `--service` takes them. Pure. */

/** A DNS label (RFC 1123), as Services are named. */
const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** @returns what is wrong with the name and what was probably meant, as the end of a message; `undefined` for a good one */
export function serviceNameProblem(name: string): string | undefined {
  if (LABEL.test(name)) return undefined;
  const [namespace = "", service = "", ...more] = name.split("/");
  const meant = [namespace, service].every((part) => LABEL.test(part)) && more.length === 0;
  const rest = meant
    ? `did you mean --service ${service} --namespace ${namespace}?`
    : "expected a DNS label such as cart";
  return `'${name}' is no Service name; ${rest}`;
}
