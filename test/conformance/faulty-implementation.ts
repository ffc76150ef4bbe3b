/**
 * An implementation that refuses every caller of a case by closing its connection, and lets in the caller that shows a case
 * taken over. `FAULT` is what is wrong with it; it says on stderr when it listens.
 */
import { readFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";

const { env } = process;
const fault = env["FAULT"];
const [host = "", port = ""] = (env["CONFORMANCE_APPLICATION"] ?? "").split(":");
const FORBIDDEN = "HTTP/1.1 403 Forbidden\r\ncontent-length: 19\r\nconnection: close\r\n\r\nRBAC: access denied";

if (fault === "killed-at-start") {
  console.error("no memory");
  process.kill(process.pid, "SIGKILL");
}
process.on("SIGTERM", () => {
  if (fault === "ignores-sigterm") return;
  console.error(`told to end ${process.pid}`);
  process.exit(0);
});

function isSettled(address: string): boolean {
  const text = readFileSync(join(env["CONFORMANCE_MANIFESTS"] ?? "", "objects.yaml"), "utf8");
  return text
    .split("\n---\n")
    .some((object) => object.includes('"conformance-settled"') && object.includes(`"${address}"`));
}

function forward(socket: Socket): void {
  const upstream = connect(Number(port), host);
  socket.pipe(upstream);
  upstream.on("error", () => socket.destroy()).pipe(socket);
  socket.on("close", () => upstream.destroy());
}

function serve(socket: Socket, backend: string): void {
  socket.on("error", () => undefined);
  const isCase = backend !== "65000";
  if (fault === "silent" || (fault === "silent-to-cases" && isCase)) return;
  if (fault === "forbids-all") socket.once("data", () => socket.end(FORBIDDEN));
  else if (!isCase && isSettled(socket.remoteAddress ?? "")) forward(socket);
  else if (isCase && fault === "exits-on-refusal") {
    console.error("cannot refuse");
    process.exit(3);
  } else {
    socket.destroy();
    if (isCase && fault === "exits-after-refusal") setTimeout(() => process.exit(4), 100);
  }
}

const pairs = (env["CONFORMANCE_BACKENDS"] ?? "").split(",").map((pair) => pair.split(/[=:]/));
let waiting = pairs.length;
for (const [backend = "", address, listen] of pairs) {
  createServer((socket) => serve(socket, backend)).listen(Number(listen), address, () => {
    waiting -= 1;
    if (waiting === 0) console.error(`listens ${process.pid}`);
  });
}
