/** The head of a response by its strict grammar (RFC 9112 section 4). */
import { responseFraming, type BodyFraming } from "./body-framing.ts";
import { hasConnectionOption, readFields } from "./field-lines.ts";
import { WireFault } from "./wire-fault.ts";

export interface ResponseHead {
  /** 100 to 999: what a status may be is the reader's own judgement. */
  readonly status: number;
  /** Flat name-value array, as it came. */
  readonly lines: readonly string[];
  readonly framing: BodyFraming;
  /** The connection may carry another message. */
  readonly persistent: boolean;
  /** As the Keep-Alive line hints, in milliseconds; `undefined` when it does not. */
  readonly keepAliveMs: number | undefined;
}

/**
 * Any minor version above 1 is read as 1.1 (RFC 9110 section 2.5). The space behind the status may be missing: nothing can be
 * read in two ways without it, and some servers omit it with the reason.
 */
const STATUS_LINE = /HTTP\/1\.(\d) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/y;
const KEEP_ALIVE_TIMEOUT = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,6})/i;

/** @param text latin1, each line with its CRLF, empty line excluded */
export function parseResponseHead(text: string, toHead: boolean, maxLines: number): ResponseHead | WireFault {
  STATUS_LINE.lastIndex = 0;
  const match = STATUS_LINE.exec(text);
  if (match === null) return new WireFault("malformed", "the status line is not `HTTP/1.1 NNN reason`");
  const start = STATUS_LINE.lastIndex;
  const version = match[1] === "0" ? "1.0" : "1.1";
  const status = Number(match[2]);
  const fields = readFields(text, start, maxLines);
  if (fields instanceof WireFault) return fields;
  const framing = responseFraming(fields, version, status, toHead);
  if (framing instanceof WireFault) return framing;
  return {
    status,
    lines: fields.lines,
    framing,
    persistent:
      framing.kind !== "close" &&
      !hasConnectionOption(fields, "close") &&
      (version === "1.1" || hasConnectionOption(fields, "keep-alive")),
    keepAliveMs: fields.keepAlive === "" ? undefined : keepAliveMsOf(fields.keepAlive),
  };
}

function keepAliveMsOf(value: string): number | undefined {
  const [, seconds] = KEEP_ALIVE_TIMEOUT.exec(value) ?? [];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
}
