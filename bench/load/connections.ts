/** The whole check of an accepted mTLS connection: accept, handshake without resumption, verdict, one request, close. */
import { readFileSync } from "node:fs";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { CLIENT_NAME, SERVER_NAME, type Certificates } from "./certificates.ts";
import { cpuOf, residentOf } from "./measurement.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: cart\r\nConnection: close\r\n\r\n";
const CONCURRENT = 8;

export function clientOptions(port: number, certificates: Certificates): ConnectionOptions {
  return {
    host: "127.0.0.1",
    port,
    servername: SERVER_NAME,
    ca: readFileSync(certificates.ca),
    cert: readFileSync(certificates.clientCert),
    key: readFileSync(certificates.clientKey),
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    // The same key exchange for every contender; Node's own default would be a post-quantum hybrid.
    ecdhCurve: "X25519",
  };
}

function once(options: ConnectionOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect(options, () => socket.write(REQUEST));
  let answer = "";
  socket.setTimeout(10_000, () => reject(new Error(`no answer as ${CLIENT_NAME} within 10 s`)));
  socket.on("data", (data) => (answer += data.toString("latin1")));
  socket.on("error", reject);
  socket.on("close", () => {
    if (socket.isSessionReused()) reject(new Error("the session was resumed"));
    else if (answer.startsWith("HTTP/1.1 200")) resolve();
    else reject(new Error(`the answer was: ${answer.slice(0, 80)}`));
  });
  return promise;
}

/** CPU of the proxy in microseconds for one new connection with one request. */
export async function sampleConnections(pid: number, options: ConnectionOptions, count: number): Promise<number> {
  const before = cpuOf(pid);
  let left = count;
  const lanes = Array.from({ length: CONCURRENT }, async () => {
    for (; left > 0;) {
      left -= 1;
      await once(options);
    }
  });
  await Promise.all(lanes);
  return (cpuOf(pid) - before) / count;
}

async function open(options: ConnectionOptions): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect(options, () => socket.write("GET / HTTP/1.1\r\nHost: cart\r\n\r\n"));
  socket.once("data", () => resolve(socket));
  socket.once("error", reject);
  return promise;
}

/** KiB of resident memory of the proxy for a connection that made one request and is idle since. */
export async function sampleMemory(pid: number, options: ConnectionOptions, count: number): Promise<number> {
  const before = residentOf(pid);
  const sockets: TLSSocket[] = [];
  for (let index = 0; index < count; index += CONCURRENT)
    sockets.push(...(await Promise.all(Array.from({ length: CONCURRENT }, () => open(options)))));
  const after = residentOf(pid);
  for (const socket of sockets) socket.destroy();
  return (after - before) / sockets.length;
}
