/**
 * What a peer may cost one HTTP/2 connection. nghttp2 has a counter for each known flood; the values here are far above
 * what gateways do and far below what hurts.
 */
export const SESSION_LIMITS = {
  /** Streams that the peer may reset at once, and a second after that (rapid reset, CVE-2023-44487). */
  streamResetBurst: 1_000,
  streamResetRate: 100,
  /** PING and SETTINGS that wait for their acknowledgement (CVE-2019-9512, CVE-2019-9515). */
  maxOutstandingPings: 10,
  maxOutstandingSettings: 10,
  maxSettings: 32,
  /** Malformed frames and refused streams before the connection is given up. */
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  /** Megabytes that nghttp2 and Node may hold for one connection, headers and unsent responses included. */
  maxSessionMemory: 16,
  /** Repeated fields pass as they came: what a name allows is between caller and application. */
  strictSingleValueFields: false,
} as const;
