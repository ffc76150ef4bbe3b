import assert from "node:assert/strict";
import { test } from "node:test";
import { wordsOfCertificate } from "../../src/policy/closed-words.ts";

test("what is wrong with our certificate names the file's flag and the moment, where there is one", () => {
  const held = { state: "held", notBefore: 0, notAfter: 1_000, listsEnd: 2_000 } as const;
  for (const [certificate, code, words] of [
    [held, "own-certificate-not-yet-valid", /\(--tls-cert\) is not valid before 1970-01-01T00:00:00\.000Z$/],
    [held, "own-certificate-ended", /\(--tls-cert\) ended at 1970-01-01T00:00:01\.000Z: renew it$/],
    [held, "crl-ended", /\(--tls-crl\) ended at 1970-01-01T00:00:02\.000Z: its issuer's callers are refused$/],
    [{ state: "none", problem: "no key" }, "no-credentials", /^our own certificate cannot be used: no key$/],
    [{ state: "none" }, "no-credentials", /--spiffe-endpoint, --csr-signer\), or none has come yet$/],
  ] as const)
    assert.match(wordsOfCertificate(certificate, code), words);
});
