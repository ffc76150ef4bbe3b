/** Handshakes in this process, and how each ends: for tests of how a client certificate is judged. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { Handshakes, type HandshakeResult } from "../../../src/proxy/connection/handshakes.ts";
import { checkCredentials } from "../../../src/tls/credentials/check-credentials.ts";
import type { Credentials } from "../../../src/tls/credentials.ts";
import type { Made } from "../mesh/certificates.ts";
import { connect } from "./caller.ts";

const ORIGIN = { cert: "tls.crt", key: "tls.key", ca: "ca.crt" };

export class JudgedHandshakes implements Disposable {
  readonly #own: Made;
  readonly #handshakes = new Handshakes(20_000);
  readonly #server = createServer((raw) => {
    raw.on("error", () => undefined);
    const terms = { clientCertificate: true, alpn: [], judgeServerName: () => undefined };
    void this.#handshakes.begin(raw, terms).then((result) => this.#server.emit("result", result));
  });

  private constructor(own: Made) {
    this.#own = own;
  }

  /** @param own what the server shows */
  static async start(own: Made): Promise<JudgedHandshakes> {
    const judged = new JudgedHandshakes(own);
    judged.#server.listen(0, "127.0.0.1");
    await once(judged.#server, "listening");
    return judged;
  }

  /** From now on these are trusted. @throws CredentialsError where nobody could be */
  trust(authorities: readonly Made[]): Credentials {
    const ca = authorities.map(({ certPem }) => certPem).join("");
    const texts = { cert: this.#own.certPem, key: this.#own.keyPem, ca };
    const credentials = checkCredentials(ORIGIN, texts, 1, Date.now());
    this.#handshakes.setCredentials(credentials);
    return credentials;
  }

  /** @param chain leaf first; whatever is in it is presented */
  async with(chain: readonly Made[], version: "TLSv1.2" | "TLSv1.3"): Promise<HandshakeResult> {
    const result = once(this.#server, "result") as Promise<[HandshakeResult]>;
    const pair = { certPem: chain.map(({ certPem }) => certPem).join(""), keyPem: chain[0]!.keyPem };
    // At its default security level the caller's OpenSSL does not send a weak certificate.
    const options = {
      minVersion: version,
      maxVersion: version,
      ciphers: "DEFAULT@SECLEVEL=0",
      rejectUnauthorized: false,
    };
    const { port } = this.#server.address() as AddressInfo;
    const socket = await connect({ port, tls: { pair, options } }).catch(() => undefined);
    socket?.on("error", () => undefined);
    const [settled] = await result;
    socket?.destroy();
    return settled;
  }

  [Symbol.dispose](): void {
    this.#server.close();
  }
}
