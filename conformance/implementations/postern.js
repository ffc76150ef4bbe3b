/** Postern as the kit starts an implementation: from the environment that README.md describes to its own flags. */
const { env } = process;
const split = (name) => (env[`CONFORMANCE_${name}`] ?? "").split(",");
const given = (flag, name) =>
  env[`CONFORMANCE_${name}`] === undefined ? [] : [`--${flag}=${env[`CONFORMANCE_${name}`]}`];
const backends = split("BACKENDS").map((backend) => {
  const [port, listen] = backend.split("=");
  return `--backend=port=${port},listen=${listen},app=${env.CONFORMANCE_APPLICATION}`;
});
process.argv.push(
  "run",
  ...given("manifests", "MANIFESTS"),
  ...given("kubeconfig", "KUBECONFIG"),
  ...(env.CONFORMANCE_KUBECONFIG === undefined ? [] : ["--kubernetes"]),
  ...given("namespace", "NAMESPACE"),
  ...split("SERVICES").map((name) => `--service=${name}`),
  ...backends,
  ...given("tls-cert", "TLS_CERT"),
  ...given("tls-key", "TLS_KEY"),
  ...given("tls-ca", "TLS_CA"),
  ...given("mesh-name", "MESH_NAME"),
  "--admin=127.0.0.1:0",
  "--workers=1",
  // Nobody waits for endpoints to spread.
  "--drain-delay=0s",
);
await import("../../bin/postern.js");
