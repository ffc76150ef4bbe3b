import assert from "node:assert/strict";
import { describe, test } from "node:test";
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  type Attribute,
  BasicConstraintsExtension,
  ChallengePasswordAttribute,
  ExtendedKeyUsageExtension,
  type Extension,
  Extension as AnyExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  type JsonGeneralNames,
} from "@peculiar/x509";
import { readCertificateRequest } from "../../../src/controller/signer/certificate-request.ts";
import { judgeRequest, REQUEST_USAGES, type RequestVerdict } from "../../../src/controller/signer/judge-request.ts";

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const NAME = "shop.test.cluster.local";
const POD = {
  "authentication.kubernetes.io/pod-name": ["shop-1"],
  "authentication.kubernetes.io/pod-uid": ["7d0c9a4e"],
};
const RULES = { trustDomain: "cluster.local", validityMs: 86_400_000, isMonitored: (name: string) => name === "test" };

interface Asked {
  readonly names?: JsonGeneralNames;
  readonly extensions?: readonly Extension[];
  readonly attributes?: readonly Attribute[];
  readonly subject?: string;
  readonly algorithm?: webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams;
}

async function der(asked: Asked = {}): Promise<Buffer> {
  const algorithm = asked.algorithm ?? P256;
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const names = asked.names ?? [{ type: "dns", value: NAME }];
  const request = await Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm: algorithm.name === "ECDSA" ? { name: "ECDSA", hash: "SHA-256" } : algorithm,
    extensions: [
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
      ...(asked.extensions ?? []),
    ],
    ...(asked.subject !== undefined && { name: asked.subject }),
    ...(asked.attributes !== undefined && { attributes: [...asked.attributes] }),
  });
  return Buffer.from(request.rawData);
}

function pem(content: Buffer): string {
  const text = `-----BEGIN CERTIFICATE REQUEST-----\n${content.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
  return Buffer.from(text).toString("base64");
}

function judge(request: string, spec: object = {}): Promise<RequestVerdict> {
  const object = {
    metadata: { name: "r" },
    spec: {
      signerName: "postern.dev/osm",
      request,
      usages: [...REQUEST_USAGES],
      username: "system:serviceaccount:test:shop",
      extra: POD,
      ...spec,
    },
  };
  return judgeRequest(readCertificateRequest(object), RULES);
}

async function refusal(request: string, spec: object = {}): Promise<string> {
  const verdict = await judge(request, spec);
  assert.equal(verdict.kind, "deny");
  return `${verdict.reason}: ${verdict.message}`;
}

describe("a request is approved", () => {
  test("for the account's own name, with a life of a day or the shorter one that was asked for", async () => {
    const request = pem(await der());
    const verdict = await judge(request);
    assert.equal(verdict.kind, "approve");
    assert.equal(verdict.name, NAME);
    assert.equal(verdict.validityMs, 86_400_000);
    assert.deepEqual(verdict.requester, {
      namespace: "test",
      serviceAccount: "shop",
      podName: "shop-1",
      podUid: "7d0c9a4e",
    });
    const shorter = await judge(request, { expirationSeconds: 3_600 });
    assert.equal(shorter.kind === "approve" && shorter.validityMs, 3_600_000);
  });

  test("also with the common name and the usages that its certificate will have, in any order", async () => {
    const extensions = [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new BasicConstraintsExtension(false, undefined, true),
    ];
    const request = pem(await der({ subject: `CN=${NAME}`, extensions }));
    const verdict = await judge(request, { usages: REQUEST_USAGES.toReversed() });
    assert.equal(verdict.kind, "approve");
  });
});

describe("a request is denied with the reason", () => {
  for (const [about, username, extra] of [
    ["a user", "alice", POD],
    ["a service account whose token is bound to no pod", "system:serviceaccount:test:shop", {}],
    [
      "a token bound to two pods",
      "system:serviceaccount:test:shop",
      { ...POD, "authentication.kubernetes.io/pod-uid": ["a", "b"] },
    ],
    ["an account with a colon in its name", "system:serviceaccount:test:a:b", POD],
    ["an account whose name leads out of its place", "system:serviceaccount:te.st:shop", POD],
  ] as const) {
    test(`when it comes from ${about}`, async () => {
      assert.match(await refusal(pem(await der()), { username, extra }), /^NotAPod: /);
    });
  }

  test("when its namespace is not of this mesh", async () => {
    const message = await refusal(pem(await der()), { username: "system:serviceaccount:other:shop" });
    assert.match(message, /^NotInMesh: the namespace other/);
  });

  for (const usages of [
    [],
    ["digital signature", "server auth"],
    [...REQUEST_USAGES, "cert sign"],
    ["digital signature", "server auth", "server auth"],
  ]) {
    test(`when its usages are ${JSON.stringify(usages)}`, async () => {
      assert.match(await refusal(pem(await der()), { usages }), /^WrongUsages: .*expected exactly/);
    });
  }

  test("when it asks for less than ten minutes", async () => {
    assert.match(await refusal(pem(await der()), { expirationSeconds: 1 }), /^WrongLifetime/);
  });

  const contents: readonly (readonly [string, Asked, RegExp])[] = [
    ["the name of another account", { names: [{ type: "dns", value: "other.test.cluster.local" }] }, /dns:other\.test/],
    [
      "the name in capitals",
      { names: [{ type: "dns", value: NAME.toUpperCase() }] },
      /expected dns:shop\.test\.cluster\.local alone/,
    ],
    ["a wildcard", { names: [{ type: "dns", value: "*.test.cluster.local" }] }, /expected dns:/],
    [
      "one more name",
      {
        names: [
          { type: "dns", value: NAME },
          { type: "dns", value: "b.test.cluster.local" },
        ],
      },
      /alone/,
    ],
    [
      "a URI beside the name",
      {
        names: [
          { type: "dns", value: NAME },
          { type: "url", value: "spiffe://cluster.local/x" },
        ],
      },
      /alone/,
    ],
    ["the name as a URI", { names: [{ type: "url", value: NAME }] }, /alone/],
    ["an address", { names: [{ type: "ip", value: "10.0.0.1" }] }, /alone/],
    ["no name", { names: [], extensions: [new BasicConstraintsExtension(false)] }, /names nobody/],
    ["a CA", { extensions: [new BasicConstraintsExtension(true, undefined, true)] }, /CA:true/],
    [
      "certificate signing",
      { extensions: [new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature)] },
      /keyUsage/,
    ],
    ["code signing", { extensions: [new ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.3"])] }, /extendedKeyUsage/],
    [
      "an extension that is not granted",
      { extensions: [new AnyExtension("2.5.29.30", true, new Uint8Array([0x30, 0]))] },
      /2\.5\.29\.30/,
    ],
    ["its names twice", { extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: NAME }])] }, /twice/],
    ["another subject", { subject: "CN=admin, O=system:masters" }, /its subject is/],
    ["another attribute", { attributes: [new ChallengePasswordAttribute("x")] }, /its attributes are/],
    ["a key of another curve", { algorithm: { name: "ECDSA", namedCurve: "P-384" } }, /expected ECDSA P-256/],
    [
      "an RSA key",
      {
        algorithm: {
          name: "RSASSA-PKCS1-v1_5",
          hash: "SHA-256",
          modulusLength: 2048,
          publicExponent: new Uint8Array([1, 0, 1]),
        },
      },
      /expected ECDSA P-256/,
    ],
  ];
  for (const [about, asked, expected] of contents) {
    test(`when it asks for ${about}`, async () => {
      const message = await refusal(pem(await der(asked)));
      assert.match(message, /^WrongRequest: /);
      assert.match(message, expected);
    });
  }

  test("when its signature is by another key", async () => {
    const content = await der();
    content[content.length - 1]! ^= 1;
    assert.match(await refusal(pem(content)), /signature|cannot be read/);
  });

  test("when it is huge, empty, no PEM, two blocks, or DER that breaks off", async () => {
    const good = Buffer.from(pem(await der()), "base64").toString();
    const nested = Buffer.alloc(2_000, Buffer.from([0x30, 0x80]));
    for (const request of [
      "",
      Buffer.from("x".repeat(100)).toString("base64"),
      Buffer.from(good + good).toString("base64"),
      pem((await der()).subarray(0, 100)),
      pem(nested),
      pem(Buffer.alloc(100_000)),
      "A".repeat(10_000_000),
    ])
      assert.match(await refusal(request), /^WrongRequest: /);
  });
});
