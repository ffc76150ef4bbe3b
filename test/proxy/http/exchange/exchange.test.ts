/** Whatever an application answers is passed on as it came or is a 502, and costs nobody beside it anything. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EitherVersion, everyWay, VERSIONS, WAYS } from "../../../support/application/either-version.ts";
import type { Line } from "../../../support/caller/taken-response.ts";

let either: EitherVersion;

before(async () => {
  either = await EitherVersion.start();
});

after(() => either?.[Symbol.asyncDispose]());

const named = (lines: readonly Line[], names: readonly string[]): readonly Line[] =>
  lines.filter(([name]) => names.includes(name));

/** Fields that Node's API takes for single, and others; each comes more than once. */
const REPEATED: readonly (readonly Line[])[] = [
  ...[
    "access-control-allow-credentials",
    "access-control-max-age",
    "access-control-request-method",
    "age",
    "alt-svc",
    "content-encoding",
    "content-language",
    "content-location",
    "content-md5",
    "content-type",
    "date",
    "dnt",
    "etag",
    "expires",
    "last-modified",
    "location",
    "retry-after",
    "server",
    "tk",
    "upgrade-insecure-requests",
    "x-content-type-options",
    "x-any",
  ].map((name): readonly Line[] => [
    [name, "a"],
    [name, "a"],
    [name, "b"],
  ]),
  Array.from({ length: 50 }, (_, index): Line => ["set-cookie", `c${index}=v; Path=/`]),
  [
    ["etag", '"1"'],
    ["x-any", "1"],
    ["etag", '"2"'],
    ["x-any", ""],
    ["date", "b"],
    ["date", "a"],
  ],
];

for (const lines of REPEATED) {
  const names = [...new Set(lines.map(([name]) => name))];
  everyWay(
    () => either,
    `${names.join(" and ")}, repeated, in the order in which they came`,
    { status: "200", lines },
    (taken) => {
      assert.deepEqual([taken.status, taken.body], [200, "hi"]);
      assert.deepEqual(named(taken.lines, names), lines);
    },
  );
}

everyWay(
  () => either,
  "bytes above ASCII in a value",
  { status: "200", lines: [["x-any", "caf\xe9 \xff"]] },
  (taken) => assert.deepEqual(named(taken.lines, ["x-any"]), [["x-any", "caf\xe9 \xff"]]),
);

for (const value of ["a\x01b", "a\x7fb", "a\0b", "a\rb", "a\nb", "a\r\nx-more: 1"])
  everyWay(
    () => either,
    `${JSON.stringify(value)} in a value: the line is passed on by nobody`,
    { status: "200", lines: [["x-any", value]] },
    (taken, { application }) => {
      // Over HTTP/1.1 a line break is the end of a line and nothing else.
      const ends = application === "HTTP/1.1" && value.includes("\n");
      if (!ends) assert.deepEqual(named(taken.lines, ["x-any", "x-more"]), []);
      assert.ok(taken.status === 502 || application === "HTTP/2" || ends, String(taken.status));
    },
  );

for (const status of [
  "0",
  "00",
  "000",
  "1",
  "20",
  "42",
  "099",
  "99",
  "600",
  "601",
  "700",
  "999",
  "1000",
  "2000",
  "-1",
  "abc",
  "20a",
])
  everyWay(
    () => either,
    `status ${status} is 502`,
    { status },
    (taken) => {
      assert.equal(taken.status, 502);
      assert.match(taken.body, /^the application .* \(request [0-9a-f-]{36}\)\n$/);
    },
  );

for (const status of ["200", "206", "226", "299", "300", "399", "418", "499", "500", "599"])
  everyWay(
    () => either,
    `status ${status} passes`,
    { status },
    (taken) => assert.deepEqual([taken.status, taken.body], [Number(status), "hi"]),
  );

everyWay(
  () => either,
  "205 is complete for its caller",
  { status: "205" },
  (taken, { caller }) => {
    // RFC 9110 section 15.3.6: it has no content. Over HTTP/2 it is left out, over HTTP/1.1 it is framed and harms nobody.
    assert.deepEqual([taken.status, taken.body], [205, caller === "HTTP/2" ? "" : "hi"]);
  },
);

everyWay(
  () => either,
  "204 with a length is complete for its caller, without it (RFC 9110 section 8.6), or malformed",
  { status: "204", lines: [["content-length", "5"]], body: "", unframed: true },
  (taken, { application }) => {
    assert.equal(taken.status, application === "HTTP/2" ? 502 : 204);
    if (taken.status === 204) assert.deepEqual(named(taken.lines, ["content-length"]), []);
  },
);

for (const status of ["204", "304"]) {
  everyWay(
    () => either,
    `a body behind ${status} is not passed on`,
    { status, lines: [["etag", '"1"']], unframed: true },
    (taken) => {
      // Over HTTP/2 the length of 204 and 304 is zero for nghttp2, and the response malformed.
      assert.ok(taken.status === Number(status) || taken.status === 502, String(taken.status));
      if (taken.status !== 502) assert.equal(taken.body, "");
    },
  );
  everyWay(
    () => either,
    `${status} without a body passes`,
    { status, body: "", unframed: true },
    (taken) => assert.deepEqual([taken.status, taken.body], [Number(status), ""]),
  );
}

for (const status of ["102", "103", "104", "150", "199"]) {
  const lines: readonly Line[] = [
    ["x-any", "1"],
    ["set-cookie", "a"],
    ["x-any", "2"],
    ["set-cookie", "b"],
  ];
  everyWay(
    () => either,
    `${status} before the response reaches the caller with all its fields (RFC 9110 section 15.2)`,
    { before: [{ status, lines }, { status }], status: "200" },
    (taken, { caller }) => {
      assert.deepEqual([taken.status, taken.body], [200, "hi"]);
      // Node's API for HTTP/2 takes the values of a name together.
      const inOrder = caller === "HTTP/2" ? lines.toSorted(([a], [b]) => b.localeCompare(a)) : lines;
      assert.deepEqual(taken.informed, [
        { status: Number(status), lines: inOrder },
        { status: Number(status), lines: [] },
      ]);
    },
  );
}

test("a 1xx of an HTTP/1.1 application keeps what is for its hop and what would frame it", async () => {
  const lines: readonly Line[] = [
    ["connection", "x-hop"],
    ["x-hop", "1"],
    ["keep-alive", "timeout=5"],
    ["upgrade", "h2c"],
    ["content-length", "5"],
    ["x-any", "caf\xe9"],
  ];
  for (const caller of VERSIONS) {
    const taken = await either.carry({ before: [{ status: "102", lines }], status: "200" }, "HTTP/1.1", caller);
    assert.deepEqual([taken.status, taken.body], [200, "hi"]);
    assert.deepEqual(taken.informed, [{ status: 102, lines: [["x-any", "caf\xe9"]] }], caller);
  }
});

everyWay(
  () => either,
  "100 that nobody asked for never reaches the caller",
  { before: [{ status: "100" }], status: "200" },
  (taken) => {
    assert.ok(taken.status === 200 || taken.status === 502, String(taken.status));
    assert.deepEqual(taken.informed, []);
  },
);

for (const lines of [
  [],
  [
    ["upgrade", "websocket"],
    ["connection", "upgrade"],
  ],
] as const)
  everyWay(
    () => either,
    `101 that nobody asked for${lines.length > 0 ? ", with an upgrade," : ""} is 502`,
    { status: "101", lines, body: "", unframed: true },
    (taken) => assert.equal(taken.status, 502),
  );

const HOP_BY_HOP: readonly (readonly Line[])[] = [
  [["connection", "close"]],
  [
    ["connection", "x-any"],
    ["x-any", "1"],
  ],
  [["keep-alive", "timeout=5"]],
  [["proxy-connection", "keep-alive"]],
  [["upgrade", "h2c"]],
  [["te", "gzip"]],
];

for (const lines of HOP_BY_HOP) {
  const names = lines.map(([name]) => name);
  everyWay(
    () => either,
    `${names.join(" and ")} of the application's connection stays there`,
    { status: "200", lines },
    (taken, { application, caller }) => {
      // RFC 9113 section 8.2.2: over HTTP/2 such a response is malformed.
      assert.ok(taken.status === 200 || (application === "HTTP/2" && taken.status === 502), String(taken.status));
      const kept = taken.lines.filter(
        ([name, value]) => names.includes(name) && lines.some(([, said]) => said === value),
      );
      assert.deepEqual(
        kept,
        caller === "HTTP/1.1" && names[0] === "connection" ? kept.filter(([, value]) => value === "close") : [],
      );
    },
  );
}

for (const caller of VERSIONS)
  test(`a 426 says what it asks for, where the caller's version has a field for it: ${caller}`, async () => {
    const lines: readonly Line[] = [
      ["connection", "upgrade"],
      ["upgrade", "h2c, x/1"],
    ];
    const taken = await either.carry({ status: "426", lines }, "HTTP/1.1", caller);
    assert.deepEqual([taken.status, taken.body], [426, "hi"]);
    assert.deepEqual(
      named(taken.lines, ["connection", "upgrade"]),
      caller === "HTTP/2"
        ? []
        : [
            ["upgrade", "h2c, x/1"],
            ["connection", "close, upgrade"],
          ],
    );
  });

test("a response to HEAD has its fields and no body, whatever the application sends behind it", async () => {
  for (const { application, caller } of WAYS) {
    const taken = await either.carry(
      {
        status: "200",
        lines: [
          ["etag", "1"],
          ["etag", "2"],
        ],
        body: "",
        unframed: true,
      },
      application,
      caller,
      "HEAD",
    );
    assert.deepEqual([taken.status, taken.body], [200, ""], `${application} ${caller}`);
    assert.deepEqual(named(taken.lines, ["etag"]), [
      ["etag", "1"],
      ["etag", "2"],
    ]);
  }
});
