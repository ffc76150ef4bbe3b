import assert from "node:assert/strict";
import { test } from "node:test";
import { wordsOfCertificate } from "../../src/policy/closed-words.ts";

test("what is wrong with our certificate names its origin and the moment, where they are known", () => {
  const held = { state: "held", origin: "--tls-cert /own.pem", notBefore: 0, notAfter: 1_000 } as const;
  const lists = { ...held, listsEnd: 2_000, listsOrigin: "--tls-crl /crl.pem" } as const;
  for (const [certificate, code, words] of [
    [held, "own-certificate-not-yet-valid", /\(--tls-cert \/own\.pem\) is not valid before 1970-01-01T00:00:00\.000Z$/],
    [
      held,
      "own-certificate-ended",
      /\(--tls-cert \/own\.pem\) ended at 1970-01-01T00:00:01\.000Z, and none has taken its place$/,
    ],
    [
      lists,
      "crl-ended",
      /\(--tls-crl \/crl\.pem\) ended at 1970-01-01T00:00:02\.000Z: its issuer's callers are refused$/,
    ],
    [{ state: "none", problem: "no key" }, "no-credentials", /^our own certificate cannot be used: no key$/],
    [{ state: "none" }, "no-credentials", /--spiffe-endpoint, --csr-signer\), or none has come yet$/],
  ] as const)
    assert.match(wordsOfCertificate(certificate, code), words);
});
