/** An implementation that the kit must not pass: whoever connects reaches the application. */
import { connect, createServer } from "node:net";

const [host = "", port = ""] = (process.env["CONFORMANCE_APPLICATION"] ?? "").split(":");
for (const backend of (process.env["CONFORMANCE_BACKENDS"] ?? "").split(",")) {
  createServer((socket) => {
    const upstream = connect(Number(port), host);
    socket.on("error", () => upstream.destroy()).pipe(upstream);
    upstream.on("error", () => socket.destroy()).pipe(socket);
  }).listen(Number(backend.split(":")[1]), "127.0.0.1");
}
