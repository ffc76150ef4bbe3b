/** An API server that takes CertificateSigningRequests and nothing else; what it answers is the test's to say. */
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Pkcs10CertificateRequest, type PublicKey } from "@peculiar/x509";
import { TestAuthority } from "../mesh/authority.ts";
import { HeldCredentials } from "./test-cluster.ts";

/** From a request's public key to its certificate, PEM. A rejection denies the request with its message. */
export type Issuer = (publicKey: PublicKey) => Promise<string>;

export class CertificateRequests implements AsyncDisposable {
  readonly #server: Server;
  readonly #ca: string;
  readonly #statuses: object[] = [];
  issuer: Issuer;

  private constructor(server: Server, ca: string, issuer: Issuer) {
    this.#server = server;
    this.#ca = ca;
    this.issuer = issuer;
    server.on("request", async (request, response) => {
      const body = await text(request);
      if (request.method === "POST") this.#statuses.push(await this.#judge(body));
      const index = request.method === "POST" ? this.asked - 1 : Number(request.url?.split("/").at(-1));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ metadata: { name: String(index) }, status: this.#statuses[index] }));
    });
  }

  static async start(issuer: Issuer): Promise<CertificateRequests> {
    const authority = await TestAuthority.create("CN=test cluster CA");
    const { certPem, keyPem } = await authority.issue({ sans: ["ip:127.0.0.1"] });
    const server = createServer({ cert: certPem, key: keyPem });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new CertificateRequests(server, authority.certPem, issuer);
  }

  /** Requests so far. */
  get asked(): number {
    return this.#statuses.length;
  }

  credentials(): HeldCredentials {
    return new HeldCredentials((this.#server.address() as AddressInfo).port, "token", this.#ca);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #judge(body: string): Promise<object> {
    const { spec } = JSON.parse(body) as { readonly spec: { readonly request: string } };
    const request = new Pkcs10CertificateRequest(Buffer.from(spec.request, "base64").toString("utf8"));
    try {
      return { certificate: Buffer.from(await this.issuer(request.publicKey)).toString("base64") };
    } catch (error) {
      return { conditions: [{ type: "Denied", message: String(error) }] };
    }
  }
}
