/** 103 (RFC 8297) with whatever an application writes as `Link`: it passes as it came, and the response behind it too. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EitherVersion, everyWay, PORT, VERSIONS } from "../../../support/application/either-version.ts";
import { connect, readToEnd } from "../../../support/caller/caller.ts";
import type { Line } from "../../../support/caller/taken-response.ts";

let either: EitherVersion;

before(async () => {
  either = await EitherVersion.start(["--access-log=true"]);
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
      before: [{ status: "103", lines: links.map((link): Line => ["link", link]) }],
      status: "200",
    },
    (taken) => {
      assert.deepEqual([taken.status, taken.body], [200, "hi"]);
      assert.deepEqual(taken.informed, [{ status: 103, lines: links.map((link) => ["link", link]) }]);
    },
  );
}

/** More than are passed on for one request. */
const MANY = 3_000;
const MOST = 16;
const many = Array.from({ length: MANY }, (_, index) => `</${index}-${"a".repeat(200)}>`);
const hints = many.map((link) => ({ status: "103", lines: [["link", link]] satisfies readonly Line[] }));

everyWay(
  () => either,
  `${MANY} of 103: the first ${MOST} arrive, and the response`,
  { before: hints, status: "200" },
  (taken) => {
    assert.deepEqual([taken.status, taken.body], [200, "hi"]);
    assert.deepEqual(
      taken.informed.map(({ lines }) => lines),
      many.slice(0, MOST).map((link) => [["link", link]]),
    );
  },
);

for (const application of VERSIONS)
  test(`a caller that does not read until the response is over finds ${MOST} of ${MANY} hints: ${application} application`, async () => {
    either.respondWith({ before: hints, status: "200" });
    const from = either.sidecar.log.lines.length;
    const socket = await connect({ port: either.sidecar.port(PORT[application]) });
    socket.pause().write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    await either.sidecar.log.next({ event: "request", status: 200 }, { from });
    const { text } = await readToEnd(socket);
    socket.destroy();
    assert.equal(text.split("HTTP/1.1 103 ").length - 1, MOST);
    assert.match(text, /HTTP\/1\.1 200 [^]*\r\n\r\n(?:hi|2\r\nhi\r\n0\r\n\r\n)$/);
    await either.neighbourGoesOn();
  });
