/** Settings of our own certificate: one source of three, complete. */
import type { ExpiredLists, TlsFiles, TlsSource } from "./config.ts";
import type { SettingsReader } from "./settings-reader.ts";
import { readChoice, readUnixSocket } from "./values.ts";

function readTlsFiles(reader: SettingsReader): TlsFiles | undefined {
  const names = ["tls-cert", "tls-key", "tls-ca"] as const;
  const missing = names.filter((name) => !reader.has(name));
  if (missing.length === names.length && !reader.has("tls-crl") && !reader.has("tls-crl-expired")) return undefined;
  if (missing.length > 0) {
    reader.problem(
      `${missing.map((name) => `--${name}`).join(" and ")} ${missing.length === 1 ? "is" : "are"} missing: certificate, key and CA are given together`,
    );
    return undefined;
  }
  const crl = reader.text("tls-crl");
  const expiredLists = reader.one("tls-crl-expired", readChoice<ExpiredLists>(["close", "accept"]));
  if (expiredLists !== undefined && crl === undefined)
    reader.problem(`${reader.origin("tls-crl-expired")} needs --tls-crl, which names the lists`);
  return {
    cert: reader.text("tls-cert") ?? "",
    key: reader.text("tls-key") ?? "",
    ca: reader.text("tls-ca") ?? "",
    ...(crl !== undefined && { crl }),
    ...(expiredLists !== undefined && { expiredLists }),
  };
}

/** The name is `<service account>.<namespace>.<trust domain>`, as OSM's certificates have it. */
function readRequested(reader: SettingsReader): TlsSource {
  const signer = reader.text("csr-signer") ?? "";
  const ca = reader.text("tls-ca");
  const account = reader.text("service-account");
  const other = ["tls-cert", "tls-key", "tls-crl", "tls-crl-expired"].find((name) => reader.has(name));
  if (!/^[a-z0-9.-]+\/[a-z0-9./-]+$/.test(signer))
    reader.problem(
      `${reader.origin("csr-signer")} has the value '${signer}'; expected a signer such as postern.dev/osm`,
    );
  if (ca === undefined)
    reader.problem(`${reader.origin("csr-signer")} needs --tls-ca, the file with the mesh's CA bundle`);
  if (account === undefined)
    reader.problem(`${reader.origin("csr-signer")} needs --service-account (SERVICE_ACCOUNT), whose name is asked for`);
  if (other !== undefined)
    reader.problem(
      `${reader.origin("csr-signer")} and ${reader.origin(other)} exclude each other: certificate and key come from one source`,
    );
  const namespace = reader.text("namespace") ?? "default";
  const name = `${account ?? ""}.${namespace}.${reader.text("trust-domain") ?? "cluster.local"}`;
  return { kind: "csr", asked: { signer, name, ca: ca ?? "" } };
}

/** Where certificate, key and trust come from; `undefined`: https backends stay closed. */
export function readTlsSource(reader: SettingsReader): TlsSource | undefined {
  if (reader.has("csr-signer")) return readRequested(reader);
  const files = readTlsFiles(reader);
  // A SPIFFE_ENDPOINT_SOCKET that merely lies in the environment takes nothing from who has named files.
  const named = ["tls-cert", "tls-key", "tls-ca", "tls-crl", "tls-crl-expired"].find((name) => reader.has(name));
  if (named !== undefined && reader.origin("spiffe-endpoint") === "SPIFFE_ENDPOINT_SOCKET")
    return files && { kind: "files", files };
  const socket = reader.one("spiffe-endpoint", readUnixSocket);
  if (socket !== undefined && named !== undefined)
    reader.problem(
      `${reader.origin("spiffe-endpoint")} and ${reader.origin(named)} exclude each other: certificate, key, CAs and lists come from one source`,
    );
  if (socket !== undefined) return { kind: "workload-api", socket };
  return files && { kind: "files", files };
}
