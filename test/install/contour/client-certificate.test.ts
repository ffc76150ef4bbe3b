import assert from "node:assert/strict";
import { test } from "node:test";
import { withClientCertificate } from "../../../src/install/contour/client-certificate.ts";

const SECRET = { name: "cert", namespace: "mesh" };

test("a configuration that is empty, or has nothing under tls, gets the setting", () => {
  for (const text of ["", "# only a comment\n", "tls:\n", "tls: {}\n", "debug: false\n"]) {
    const change = withClientCertificate(text, SECRET);
    assert.equal(change.kind, "changed", text);
    assert.deepEqual(
      change.kind === "changed" && withClientCertificate(change.text, SECRET),
      { kind: "unchanged" },
      `${text} is not stable`,
    );
  }
});

test("other settings under tls stay, and another certificate is replaced", () => {
  const change = withClientCertificate(
    "tls:\n  minimum-protocol-version: '1.3' # why\n  envoy-client-certificate: { name: old, namespace: mesh }\n",
    SECRET,
  );
  assert.deepEqual(change, {
    kind: "changed",
    text: "tls:\n  minimum-protocol-version: '1.3' # why\n  envoy-client-certificate:\n    name: cert\n    namespace: mesh\n",
  });
});

test("what cannot be read is refused", () => {
  for (const text of ["- a", "tls: yes please", "tls: ["])
    assert.equal(withClientCertificate(text, SECRET).kind, "refused", text);
});
