/** ECDSA P-256 certificates for one run, made by the openssl command. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificates {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  /** Certificate and key in one file, as HAProxy reads them. */
  readonly serverBoth: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

export const SERVER_NAME = "cart.shop.cluster.local";
export const CLIENT_NAME = "edge.gateways.cluster.local";

function openssl(directory: string, ...args: string[]): void {
  execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
}

function issue(directory: string, name: string, san: string): { cert: string; key: string } {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", `${name}.key`];
  openssl(directory, "req", ...key, "-out", `${name}.csr`, "-subj", `/CN=${san}`);
  writeFileSync(join(directory, "ext"), `subjectAltName=DNS:${san}\nextendedKeyUsage=serverAuth,clientAuth\n`);
  const by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "7", "-extfile", "ext"];
  openssl(directory, "x509", "-req", "-in", `${name}.csr`, ...by, "-out", `${name}.crt`);
  return { cert: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
}

export function issueCertificates(directory: string): Certificates {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key"];
  openssl(directory, "req", "-x509", ...key, "-out", "ca.crt", "-subj", "/CN=bench mesh CA", "-days", "7");
  const server = issue(directory, "server", SERVER_NAME);
  const client = issue(directory, "client", CLIENT_NAME);
  const serverBoth = join(directory, "server.pem");
  writeFileSync(serverBoth, readFileSync(server.cert, "utf8") + readFileSync(server.key, "utf8"));
  return {
    ca: join(directory, "ca.crt"),
    serverCert: server.cert,
    serverKey: server.key,
    serverBoth,
    clientCert: client.cert,
    clientKey: client.key,
  };
}
