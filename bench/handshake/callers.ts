/** The process of the callers. Started by `handshake.ts`, and kept, so that it is as warm in each slice as in any other. */
import { createSecureContext, type ConnectionOptions, type SecureContext, type TLSSocket } from "node:tls";
import { callerTls } from "../load/generators/caller-tls.ts";
import type { CallerCertificate } from "../load/generators/generated-load.ts";
import { keptConnection, refusedOnce, servedOnce } from "../load/generators/one-connection.ts";
import type { ConnectionKind, TlsVersion } from "./measurement.ts";

export interface CallersOrder {
  readonly id: number;
  readonly order:
    | {
        readonly kind: "connect";
        readonly port: number;
        readonly certificate: CallerCertificate;
        readonly seconds: number;
        readonly connection: ConnectionKind;
      }
    /** Takes the sessions that the next `connect` resumes. */
    | {
        readonly kind: "prepare";
        readonly port: number;
        readonly certificate: CallerCertificate;
        readonly version: TlsVersion;
      }
    | { readonly kind: "keep"; readonly port: number; readonly certificate: CallerCertificate; readonly count: number }
    | { readonly kind: "let-go" };
}

export interface CallersAnswer {
  readonly id: number;
  readonly failure?: string;
  /** Of `connect`: connections that came to their end. */
  readonly connections?: number;
  /** Of them, those that were refused after a whole handshake. */
  readonly afterHandshake?: number;
  /** Of `keep`: those that were closed since the former `keep`. */
  readonly closed?: number;
}

const CONCURRENT = 8;
/** No endpoint of anybody's policy. */
const STRANGER = "127.0.0.2";

const contexts = new Map<TlsVersion, SecureContext>();

/** The key is read once, as a gateway does it, and not for each connection. */
function optionsOf(port: number, certificate: CallerCertificate, version: TlsVersion): ConnectionOptions {
  const { cert, key, ca, host, servername } = callerTls(port, certificate);
  let secureContext = contexts.get(version);
  if (secureContext === undefined) {
    // P-256 is the curve of the certificates, which TLS 1.2 takes from this list too.
    const ecdhCurve = "X25519:P-256";
    secureContext = createSecureContext({ cert, key, ca, ecdhCurve, minVersion: version, maxVersion: version });
    contexts.set(version, secureContext);
  }
  return { host, port, servername, secureContext };
}

type Connect = Extract<CallersOrder["order"], { readonly kind: "connect" }>;

/** One for each lane, of the contender whose turn it is. */
let sessions: readonly Buffer[] = [];

async function prepare(options: ConnectionOptions): Promise<Omit<CallersAnswer, "id">> {
  const served = await Promise.all(Array.from({ length: CONCURRENT }, () => servedOnce(options)));
  sessions = served.flatMap(({ session }) => session ?? []);
  if (sessions.length < CONCURRENT) throw new Error("no session is offered");
  return {};
}

async function connectFor({ port, certificate, seconds, connection }: Connect): Promise<Omit<CallersAnswer, "id">> {
  const { version, handshake } = connection;
  const options = optionsOf(port, certificate, version);
  const stranger = { ...options, localAddress: STRANGER };
  const deadline = performance.now() + seconds * 1_000;
  let connections = 0;
  let afterHandshake = 0;
  const lane = async (first: Buffer | undefined): Promise<void> => {
    for (let session = first; performance.now() < deadline; connections += 1) {
      if (handshake === "refused") {
        if ((await refusedOnce(stranger)) === "after the handshake") afterHandshake += 1;
        continue;
      }
      const outcome = await servedOnce(session === undefined ? options : { ...options, session });
      if (outcome.resumed !== (handshake === "resumed")) throw new Error(`the handshake was not ${handshake}`);
      if (session !== undefined) session = outcome.session ?? session;
    }
  };
  const lanes = Array.from({ length: CONCURRENT }, (_, index) =>
    lane(handshake === "resumed" ? sessions[index] : undefined),
  );
  // Until the last of them is over: none may run on into the turn of the next contender.
  for (const lane of await Promise.allSettled(lanes)) if (lane.status === "rejected") throw lane.reason;
  return { connections, afterHandshake };
}

const kept = new Set<TLSSocket>();
let closed = 0;

async function keep(options: ConnectionOptions, count: number): Promise<Omit<CallersAnswer, "id">> {
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      const socket = await keptConnection(options);
      kept.add(socket);
      socket.once("close", () => {
        if (kept.delete(socket)) closed += 1;
      });
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, lane));
  return { closed };
}

function letGo(): Omit<CallersAnswer, "id"> {
  const sockets = [...kept];
  kept.clear();
  for (const socket of sockets) socket.destroy();
  return { closed };
}

function obey({ order }: CallersOrder): Promise<Omit<CallersAnswer, "id">> {
  switch (order.kind) {
    case "connect":
      return connectFor(order);
    case "prepare":
      return prepare(optionsOf(order.port, order.certificate, order.version));
    case "keep":
      return keep(optionsOf(order.port, order.certificate, "TLSv1.3"), order.count);
    case "let-go":
      return Promise.resolve(letGo());
  }
}

process.on("message", (order: CallersOrder) => {
  void obey(order)
    .catch((error: unknown) => ({ failure: error instanceof Error ? error.message : String(error) }))
    .then((answer) => process.send?.({ id: order.id, ...answer }));
});
process.once("disconnect", () => process.exit(0));
