/** Load over HTTP/2, a process of its own: `http2-load.ts URL SECONDS CONNECTIONS STREAMS` prints what it did as JSON. */
import { connect, constants, type ClientHttp2Session } from "node:http2";
import { once } from "node:events";

const [url = "", seconds = "1", connections = "1", streams = "1"] = process.argv.slice(2);
const deadline = performance.now() + Number(seconds) * 1_000;
let requests = 0;
let faults = 0;

function ask(session: ClientHttp2Session): Promise<boolean> {
  return new Promise((resolve) => {
    const stream = session.request({ ":path": new URL(url).pathname });
    let status = 0;
    stream.once("response", (headers) => (status = Number(headers[":status"])));
    stream.on("error", () => undefined);
    stream.once("close", () => resolve(status === 200 && stream.rstCode === constants.NGHTTP2_NO_ERROR));
    stream.resume();
  });
}

async function lane(session: ClientHttp2Session): Promise<void> {
  while (performance.now() < deadline && !session.destroyed) {
    if (await ask(session)) requests += 1;
    else faults += 1;
  }
}

async function load(): Promise<void> {
  const session = connect(url, { rejectUnauthorized: false });
  session.on("error", () => (faults += 1));
  await once(session, "connect");
  await Promise.all(Array.from({ length: Number(streams) }, () => lane(session)));
  session.destroy();
}

const begun = performance.now();
await Promise.all(Array.from({ length: Number(connections) }, load));
console.log(JSON.stringify({ requests, seconds: (performance.now() - begun) / 1_000, faults }));
