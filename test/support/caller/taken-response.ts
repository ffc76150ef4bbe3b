/** A response as it came, line by line: Node's own clients join, drop and rename what is said twice. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, readToEnd } from "./caller.ts";
import { Http2Caller } from "./http2-caller.ts";

export type Line = readonly [name: string, value: string];

export interface TakenHead {
  readonly status: number;
  /** In their order, names in lower case, repetition kept. */
  readonly lines: readonly Line[];
}

export interface TakenResponse extends TakenHead {
  readonly body: string;
  /** Informational responses before it. */
  readonly informed: readonly TakenHead[];
}

export async function takeOverHttp1(port: number, method: string): Promise<TakenResponse> {
  const socket = await connect({ port });
  socket.write(`${method} / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`);
  const { text, end } = await readToEnd(socket);
  socket.destroy();
  const heads: TakenHead[] = [];
  for (let rest = text; ;) {
    const at = rest.indexOf("\r\n\r\n");
    assert.notEqual(at, -1, `no response: ${JSON.stringify(text)} ${end}`);
    const [first = "", ...said] = rest.slice(0, at).split("\r\n");
    rest = rest.slice(at + 4);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    const lines = said.map((line): Line => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    });
    if (status >= 200) return { status, lines, body: bodyOf(rest, lines), informed: heads };
    heads.push({ status, lines });
  }
}

function bodyOf(rest: string, lines: readonly Line[]): string {
  if (!lines.some(([name]) => name === "transfer-encoding")) return rest;
  let body = "";
  for (let at = 0; ;) {
    const [whole, size = ""] = /^([0-9a-f]+)\r\n/i.exec(rest.slice(at)) ?? [];
    assert.ok(whole !== undefined, `no chunk: ${JSON.stringify(rest)}`);
    const length = Number.parseInt(size, 16);
    body += rest.slice(at + whole.length, at + whole.length + length);
    at += whole.length + length + 2;
    if (length === 0) return body;
  }
}

export async function takeOverHttp2(port: number, method: string): Promise<TakenResponse> {
  await using caller = await Http2Caller.connect(port);
  const stream = caller.open({ ":method": method }, true);
  const informed: TakenHead[] = [];
  let head: TakenHead | undefined;
  stream.on("headers", (_headers, _flags, raw: readonly string[]) => informed.push(splitHead(raw)));
  stream.on("response", (_headers, _flags, raw: readonly string[]) => (head = splitHead(raw)));
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(stream, "close");
  assert.equal(stream.rstCode, 0);
  assert.ok(head !== undefined, "no response");
  return { ...head, body: Buffer.concat(chunks).toString("latin1"), informed };
}

function splitHead(raw: readonly string[]): TakenHead {
  const pairs: Line[] = [];
  for (let index = 0; index < raw.length; index += 2) pairs.push([raw[index]!, raw[index + 1]!]);
  return {
    status: Number(pairs.find(([name]) => name === ":status")?.[1]),
    lines: pairs.filter(([name]) => !name.startsWith(":")),
  };
}
