/** 103 (RFC 8297) with whatever an application writes as `Link`: it passes as it came, and the response behind it too. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { EitherVersion, everyWay } from "../../../support/application/either-version.ts";
import type { Line } from "../../../support/caller/taken-response.ts";

let either: EitherVersion;

before(async () => {
  either = await EitherVersion.start();
});

after(() => either?.[Symbol.asyncDispose]());

/** `Link` as RFC 8288 allows it, and beyond. */
const LINKS: readonly (readonly string[])[] = [
  ["</a.css>; rel=preload; as=style"],
  ["</a.css>; rel=preload; as=style, </b.js>; rel=preload; as=script"],
  ['</a.css>; rel="preload stylesheet"; as=style'],
  ['</a.css>; rel=preload; title="my style, \\"mine\\"; really"'],
  [
    '</a.css>; rel=preload; media="(min-width: 640px)"; imagesrcset="a-1x.png, a-2x.png 2x"; nonce="x"; fetchpriority=high',
  ],
  ["</a.css>; rel = preload"],
  ["</a.css>;rel=preload;as"],
  ["</a.css>; title*=UTF-8''%e2%82%ac"],
  ["</a.css>", "</b.js>", "</a.css>"],
  ["not a link"],
  ["<>"],
  [","],
  [""],
  ["</caf\xe9>"],
  [`</${"a".repeat(4_000)}>`],
];

for (const links of LINKS) {
  const name = JSON.stringify(links).slice(0, 60);
  everyWay(
    () => either,
    `103 with links ${name}`,
    {
      before: [{ status: "103", lines: [...links.map((link): Line => ["link", link]), ["x-secret", "1"]] }],
      status: "200",
    },
    (taken) => {
      assert.deepEqual([taken.status, taken.body], [200, "hi"]);
      assert.deepEqual(taken.informed, [{ status: 103, lines: links.map((link) => ["link", link]) }]);
    },
  );
}

everyWay(
  () => either,
  "several 103, one without links",
  {
    before: [
      { status: "103", lines: [["link", "</a>"]] },
      { status: "103", lines: [["x-any", "1"]] },
      { status: "103", lines: [["link", "</b>"]] },
    ],
    status: "200",
  },
  (taken) => {
    assert.equal(taken.status, 200);
    assert.deepEqual(
      taken.informed.flatMap(({ lines }) => lines),
      [
        ["link", "</a>"],
        ["link", "</b>"],
      ],
    );
  },
);
