/** One connection of a caller: handshake, one request, end. */
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";

const CLOSING = "GET / HTTP/1.1\r\nHost: cart\r\nConnection: close\r\n\r\n";
const KEPT = "GET / HTTP/1.1\r\nHost: cart\r\n\r\n";
const PATIENCE_MS = 10_000;

export interface Served {
  /** To be resumed by the next one. */
  readonly session: Buffer | undefined;
  readonly resumed: boolean;
}

/** @throws when the answer is not 200 */
export function servedOnce(options: ConnectionOptions): Promise<Served> {
  const { promise, resolve, reject } = Promise.withResolvers<Served>();
  let resumed = false;
  let session: Buffer | undefined;
  let answer = "";
  const socket = connect(options, () => {
    // A closed socket does not tell.
    resumed = socket.isSessionReused();
    socket.write(CLOSING);
  });
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`no answer within ${PATIENCE_MS / 1_000} s`)));
  socket.on("session", (offered) => (session = offered));
  socket.on("data", (data) => (answer += data.toString("latin1")));
  socket.on("error", reject);
  socket.on("close", () => {
    if (answer.startsWith("HTTP/1.1 200")) resolve({ session, resumed });
    else reject(new Error(`the answer was '${answer.slice(0, 80)}'`));
  });
  return promise;
}

/** Asks once where the handshake is served at all. @returns how it was refused @throws when it was not */
export function refusedOnce(options: ConnectionOptions): Promise<"without TLS" | "after the handshake"> {
  const { promise, resolve, reject } = Promise.withResolvers<"without TLS" | "after the handshake">();
  let answer = "";
  let secured = false;
  const socket = connect(options, () => {
    secured = true;
    socket.write(CLOSING);
  });
  socket.setTimeout(PATIENCE_MS, () => reject(new Error("the connection stayed open")));
  socket.on("data", (data) => (answer += data.toString("latin1")));
  socket.on("error", () => undefined);
  socket.on("close", () => {
    if (answer !== "" && !answer.startsWith("HTTP/1.1 403")) reject(new Error(`it got '${answer.slice(0, 80)}'`));
    else resolve(secured ? "after the handshake" : "without TLS");
  });
  return promise;
}

/** A connection that has asked once and is kept. @throws when it is not answered */
export function keptConnection(options: ConnectionOptions): Promise<TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const socket = connect(options, () => socket.write(KEPT));
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`no answer within ${PATIENCE_MS / 1_000} s`)));
  socket.once("data", () => {
    socket.setTimeout(0);
    socket.resume();
    resolve(socket);
  });
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("it was closed without an answer")));
  return promise;
}
