/** `handshake-client.ts ORDER`: opens mTLS connections for the ordered time, asks once on each, prints what it did as JSON. */
import { callerTls } from "./caller-tls.ts";
import type { GeneratedLoad } from "./generated-load.ts";
import type { Handshake, HandshakeOrder } from "./handshakes.ts";
import { servedOnce } from "./one-connection.ts";

const CONCURRENT = 8;

const { port, seconds, handshake, certificate } = JSON.parse(process.argv[2] ?? "{}") as HandshakeOrder;
const options = callerTls(port, certificate);
const deadline = performance.now() + seconds * 1_000;
let requests = 0;

async function lane(wanted: Handshake): Promise<void> {
  let session = wanted === "resumed" ? (await servedOnce(options)).session : undefined;
  if (wanted === "resumed" && session === undefined) throw new Error("no session is offered");
  while (performance.now() < deadline) {
    const outcome = await servedOnce(session === undefined ? options : { ...options, session });
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
