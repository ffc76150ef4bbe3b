import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { test } from "node:test";
import "reflect-metadata";
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from "@peculiar/x509";
import { newKeyAndRequest } from "../../src/certificate-request/key-and-request.ts";
import { readRequestContent } from "../../src/controller/signer/request-content.ts";

// Lengths of one byte, of two, and of three; a label has 63 at most.
for (const name of [
  "a.b",
  `${"a".repeat(60)}.ns.cluster.local`,
  `${"a".repeat(120)}.ns.cluster.local`,
  "a".repeat(240),
]) {
  test(`a request for a name of ${name.length} characters is what the library reads, and what the controller grants`, async () => {
    const { key, request } = newKeyAndRequest(name);
    const read = new Pkcs10CertificateRequest(request);
    assert.equal(read.subject, "");
    assert.equal(read.attributes.length, 1);
    assert.deepEqual(
      Array.from(read.extensions, ({ rawData }) => new SubjectAlternativeNameExtension(rawData).names.toJSON()),
      [[{ type: "dns", value: name }]],
    );
    assert.ok(await read.verify());
    const ours = createPublicKey(createPrivateKey(key)).export({ type: "spki", format: "der" });
    assert.deepEqual(Buffer.from(read.publicKey.rawData), ours);
    assert.ok("publicKey" in (await readRequestContent(Buffer.from(request).toString("base64"), name)));
  });
}

test("no two requests have one key", () => {
  assert.notEqual(newKeyAndRequest("a.b").key, newKeyAndRequest("a.b").key);
});
