import assert from "node:assert/strict";
import { test } from "node:test";
import { newWebSocketKey, webSocketAccept } from "../../../../src/proxy/http/upstream/websocket-key.ts";

test("a key is accepted by what RFC 6455 section 1.3 shows", () => {
  assert.equal(webSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("a new key is 16 bytes, and another one each time", () => {
  const key = newWebSocketKey();
  assert.equal(Buffer.from(key, "base64").length, 16);
  assert.notEqual(key, newWebSocketKey());
});
