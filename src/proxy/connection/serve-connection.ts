/**
 * The life of one connection, read from top to bottom: source address, TLS or first byte of HTTP, decision, forwarding. Every
 * step that fails ends it there, and every accepted socket ends in exactly one record.
 */
import { performance } from "node:perf_hooks";
import type { BackendConfig, ClientCertHeader, ForwardMode, Limits } from "../../config/config.ts";
import {
  authorizeBy,
  judgeAddress,
  judgeServerName,
  ruleForAddress,
  type RuleInForce,
} from "../../policy/authorize.ts";
import { ruleInForce } from "../../policy/backend-state.ts";
import type { AuditedReason, Decision, Refused } from "../../policy/decision.ts";
import type { ServiceState } from "../../policy/service-state.ts";
import { alternatives, type OpenRule } from "../../policy/snapshot.ts";
import { formatClientCert } from "../../tls/client-cert-header.ts";
import { presentedLeaf } from "../../tls/x509/presented-chain.ts";
import { verifiedPeer } from "../../tls/peer.ts";
import { trustOfHandshake } from "../../tls/secure-context.ts";
import type { AcceptedConnection, Secured } from "./accepted-connection.ts";
import { addressOwners, type ConnectionTable } from "./connection-table.ts";
import { alpnProtocols, forwardMode } from "./forward-mode.ts";
import { faultIn } from "../forward/boundary.ts";
import type { Forwarder } from "../forward/forwarder.ts";
import type { Handshakes, HandshakeResult } from "./handshakes.ts";
import type { LiveTrust } from "./live-trust.ts";
import type { Resumption } from "./resumption.ts";
import { sniffProtocol } from "./protocol-sniffing.ts";
import type { SourceLimits } from "./source-limits.ts";

/** What a thread lends to each of its connections. */
export interface ConnectionParts {
  readonly limits: Limits;
  readonly clientCertHeader: ClientCertHeader;
  /** Always the newest: what is in force on this thread at this moment. */
  readonly state: ServiceState;
  /** One was let in that its policy does not let in. */
  readonly onWouldRefuse: (connection: AcceptedConnection, reason: AuditedReason) => void;
  readonly limiter: SourceLimits;
  readonly handshakes: Handshakes;
  /** A TLS handshake came to a good end. */
  readonly onSecured: (port: number, durationMs: number) => void;
  readonly trust: LiveTrust;
  readonly resumption: Resumption;
  readonly table: ConnectionTable;
  readonly forwarder: (mode: ForwardMode, backend: BackendConfig) => Forwarder;
  readonly draining: () => boolean;
}

/** Brings one accepted socket to the point where a forwarder has it, or ends it. Never rejects. */
export async function serveConnection(connection: AcceptedConnection, parts: ConnectionParts): Promise<void> {
  try {
    const rule = admitAddress(connection, parts);
    if (rule === undefined) return;
    const mode = forwardMode(connection.backend, rule);

    const greeted =
      rule.protocol === "https"
        ? await secure(connection, rule, parts)
        : // In a stream the application may have to speak first: its relay refuses a caller that speaks TLS.
          mode === "stream" || (await awaitHttp(connection, parts));
    if (!greeted || connection.socket.destroyed) return;

    // Nothing is awaited from here on: a change that comes later finds the connection in the table.
    const newest = ruleInForce(parts.state, connection.port);
    const decision = decide(connection, newest, parts);
    const refusal = closingRefusal(decision, mode);
    if (refusal === undefined) forward(connection, mode, decision, newest, parts);
    else refuse(connection, refusal);
  } catch (thrown) {
    connection.fault(faultIn("connection serve", thrown));
  }
}

/** The tests that need no byte of the caller, and cost it none of ours. */
function admitAddress(connection: AcceptedConnection, parts: ConnectionParts): OpenRule | undefined {
  const rule = ruleInForce(parts.state, connection.port);
  const refused = judgeAddress(rule, connection.peer.address);
  if (rule.state === "refused" || refused !== undefined) {
    if (refused !== undefined) refuse(connection, refused);
    return undefined;
  }
  const limit = parts.limiter.admit(connection.address, performance.now());
  if (limit !== undefined) {
    connection.close("overload", limit);
    return undefined;
  }
  connection.raw.once("close", () => parts.limiter.release(connection.address));
  return rule.open;
}

/** Waits for the first bytes on a plaintext port; a caller that speaks TLS there gets none back. */
async function awaitHttp(connection: AcceptedConnection, parts: ConnectionParts): Promise<boolean> {
  const first = await sniffProtocol(connection.raw, parts.limits.handshakeTimeoutMs);
  switch (first) {
    case "http/1.1":
      return true;
    case "http/2":
      connection.greeted({ protocol: "http/2", peer: connection.peer });
      return true;
    case "tls":
      refuse(connection, { verdict: "close", reason: "tls-unexpected", ...policyOf(connection, parts) });
      return false;
    case "silent":
      if (connection.raw.bytesRead > 0) connection.close("protocol-error", "no more than the beginning of a preface");
      else connection.close("silent");
      return false;
    case "gone":
      if (connection.raw.bytesRead > 0) connection.close("protocol-error", "closed by the peer within a preface");
      else connection.close("silent", "closed by the peer before its first byte");
      return false;
  }
}

/** The TLS handshake; afterwards `connection.peer` says who is there. */
async function secure(connection: AcceptedConnection, rule: OpenRule, parts: ConnectionParts): Promise<boolean> {
  const { port } = connection;
  const startedAt = performance.now();
  const result = await parts.handshakes.begin(connection.raw, {
    clientCertificate: rule.clientCertificate,
    alpn: alpnProtocols(forwardMode(connection.backend, rule)),
    judgeServerName: (sni) => judgeServerName(ruleInForce(parts.state, port), connection.peer.address, sni),
    // Over TLS 1.2 a resumed session does not tell the name that was sent, and its certificate is ours already.
    tickets: namesServers(rule) ? undefined : { port, clientCertificate: rule.clientCertificate },
  });
  connection.learned(result.facts);
  if (!result.secured) {
    if (result.resumed) parts.resumption.refused();
    refuseHandshake(connection, result.failure, parts);
    return false;
  }
  const { socket, credentials, presented, session } = result;
  parts.onSecured(port, performance.now() - startedAt);
  socket.on("error", (error: NodeJS.ErrnoException) => connection.failed(error));
  const verified = verifiedPeer(socket, rule.clientCertificate, presented, credentials);
  const { sni } = result.facts;
  connection.greeted({
    protocol: socket.alpnProtocol === "h2" ? "http/2" : "http/1.1",
    peer: {
      address: connection.peer.address,
      tls: { certificate: verified.certificate, ...(sni !== undefined && { sni }) },
    },
    secured: { socket, verified, session, ...trustOf(result) },
    ...(verified.identity !== undefined &&
      parts.clientCertHeader === "sanitize-set" && { clientCertHeader: formatClientCert(verified.identity) }),
  });
  return true;
}

function namesServers(rule: OpenRule): boolean {
  return alternatives(rule).some(({ sniHosts }) => sniHosts !== undefined);
}

/** OpenSSL's word on a certificate is as old as the session that holds it: it counts for nothing where that is resumed. */
function trustOf({ session, socket, credentials, presented }: SecuredHandshake): Pick<Secured, "trust" | "chain"> {
  if (session !== "resumed") return { trust: trustOfHandshake(credentials) };
  const leaf = presented && presentedLeaf(socket, presented.fingerprint);
  return { trust: undefined, chain: leaf === undefined ? [] : [leaf] };
}

/** By the newest snapshot and the newest credentials, whatever the handshake began with. */
function decide(connection: AcceptedConnection, rule: RuleInForce, parts: ConnectionParts): Decision {
  const decision = authorizeBy(rule, connection.peer);
  if (connection.peer.tls === undefined || decision.verdict === "close") return decision;
  const lost = parts.trust.judge(connection);
  const { session } = connection.secured ?? {};
  if (session === "resumed" && lost !== undefined) parts.resumption.refused();
  if (session === "issued" && lost === undefined) parts.resumption.issued(connection);
  return lost === undefined ? decision : { ...lost, ...policyOf(connection, parts) };
}

/** A refusal that ends the connection. `forbidden` is a response in HTTP, where each request gets its 403; a stream has no words for it. */
function closingRefusal(decision: Decision, mode: ForwardMode): Refused | undefined {
  if (decision.verdict === "forward" || (decision.verdict === "forbidden" && mode !== "stream")) return undefined;
  return decision;
}

function forward(
  connection: AcceptedConnection,
  mode: ForwardMode,
  decision: Decision,
  rule: RuleInForce,
  parts: ConnectionParts,
): void {
  const forwarder = parts.forwarder(mode, connection.backend);
  connection.admit(mode, forwarder, addressOwners(rule, connection, decision), decision);
  if (decision.verdict === "forward" && decision.wouldRefuse !== undefined)
    parts.onWouldRefuse(connection, decision.wouldRefuse);
  forwarder.serve(connection);
  if (!parts.draining()) return;
  connection.drain();
  forwarder.drain(connection);
}

function refuse(connection: AcceptedConnection, refusal: Refused): void {
  connection.refuse("refused", refusal);
  connection.destroy();
}

type SecuredHandshake = Extract<HandshakeResult, { readonly secured: true }>;
type HandshakeFault = Extract<HandshakeResult, { readonly secured: false }>["failure"];

function refuseHandshake(connection: AcceptedConnection, fault: HandshakeFault, parts: ConnectionParts): void {
  if ("verdict" in fault) {
    connection.refuse("refused", { ...policyOf(connection, parts), ...fault });
  } else if (fault.reason === undefined) {
    connection.end(fault.end, fault.detail);
  } else {
    const verdict = fault.reason === "tls-expected" ? "close" : "tls-alert";
    connection.refuse(fault.end, { verdict, reason: fault.reason, ...policyOf(connection, parts) }, fault.detail);
  }
  connection.destroy();
}

function policyOf(connection: AcceptedConnection, parts: ConnectionParts): Pick<Refused, "policy"> {
  const rule = ruleInForce(parts.state, connection.port);
  const { policy } = rule.state === "refused" ? rule.refusal : ruleForAddress(rule, connection.peer.address);
  return policy === undefined ? {} : { policy };
}
