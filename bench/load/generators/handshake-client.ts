/** `handshake-client.ts ORDER`: opens mTLS connections for the ordered time, asks once on each, prints what it did as JSON. */
import { connect, type ConnectionOptions } from "node:tls";
import { callerTls } from "./caller-tls.ts";
import type { GeneratedLoad } from "./generated-load.ts";
import type { Handshake, HandshakeOrder } from "./handshakes.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: cart\r\nConnection: close\r\n\r\n";
const CONCURRENT = 8;

interface Outcome {
  readonly session: Buffer | undefined;
  readonly resumed: boolean;
}

/** @throws when the answer is not 200 */
function once(options: ConnectionOptions): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  let resumed = false;
  const socket = connect(options, () => {
    // A closed socket does not know any more.
    resumed = socket.isSessionReused();
    socket.write(REQUEST);
  });
  let answer = "";
  let session: Buffer | undefined;
  socket.on("session", (offered) => (session = offered));
  socket.setTimeout(10_000, () => socket.destroy(new Error("no answer within 10 s")));
  socket.on("data", (data) => (answer += data.toString("latin1")));
  socket.on("error", reject);
  socket.on("close", () => {
    if (answer.startsWith("HTTP/1.1 200")) resolve({ session, resumed });
    else reject(new Error(`the answer was '${answer.slice(0, 80)}'`));
  });
  return promise;
}

const { port, seconds, handshake, certificate } = JSON.parse(process.argv[2] ?? "{}") as HandshakeOrder;
const options = callerTls(port, certificate);
const deadline = performance.now() + seconds * 1_000;
let requests = 0;

async function lane(wanted: Handshake): Promise<void> {
  let session = wanted === "resumed" ? (await once(options)).session : undefined;
  if (wanted === "resumed" && session === undefined) throw new Error("no session is offered");
  while (performance.now() < deadline) {
    const outcome = await once(session === undefined ? options : { ...options, session });
    if (outcome.resumed !== (wanted === "resumed")) throw new Error(`the handshake was not ${wanted}`);
    if (wanted === "resumed") session = outcome.session ?? session;
    requests += 1;
  }
}

const begun = performance.now();
await Promise.all(Array.from({ length: CONCURRENT }, () => lane(handshake))).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
const load: GeneratedLoad = { requests, faults: 0, seconds: (performance.now() - begun) / 1_000 };
console.log(JSON.stringify(load));
