import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { buildPrincipalSet, matchPrincipal } from "../../src/policy/principal.ts";
import { buildSniSet, matchServerName, patternProblem } from "../../src/policy/server-name.ts";

test("a name matches a SAN of its own type that is equal to it letter by letter, and no other", () => {
  const name = fc.oneof(
    fc.constantFrom("a.b", "A.B", "a.b.", "spiffe://td/a", "x, DNS:a.b", "dns:a.b", "*.b"),
    fc.string(),
  );
  const san = fc.record({ type: fc.constantFrom("dns" as const, "uri" as const), value: name });
  fc.assert(
    fc.property(fc.array(name, { maxLength: 5 }), fc.array(san, { maxLength: 5 }), (names, sans) => {
      const listed = names.filter((entry) => entry !== "*");
      const expected = sans.find(({ type, value }) =>
        listed.some(
          (entry) => entry === value && (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(entry) ? "uri" : "dns") === type,
        ),
      );
      // Nobody listed: any certificate of the mesh, as in OSM.
      const found = matchPrincipal(buildPrincipalSet(listed), sans);
      assert.equal(found, listed.length === 0 ? "*" : expected?.value);
    }),
    { numRuns: 3_000 },
  );
});

test("'*' is any verified certificate, also one without names", () => {
  const set = buildPrincipalSet(["a.b", "*"]);
  assert.equal(matchPrincipal(set, []), "*");
  assert.equal(matchPrincipal(set, [{ type: "dns", value: "a.b" }]), "a.b");
});

test("a SAN of a type that is neither dns nor uri matches no listed name", () => {
  const set = buildPrincipalSet(["a.b", "spiffe://td/a"]);
  for (const type of ["ip", "email", "DNS", "URI", "any", "__proto__", "", undefined, null])
    for (const value of ["a.b", "spiffe://td/a"])
      assert.equal(matchPrincipal(set, [{ type: type as "dns", value }]), undefined, String(type));
});

test("server names: case is nothing, a wildcard stands for one or more whole labels at the front", () => {
  const set = buildSniSet(["app.Test", "*.wild.test"]);
  for (const name of ["app.test", "APP.TEST", "x.wild.test", "x.y.wild.test"])
    assert.ok(matchServerName(set, name), name);
  for (const name of ["", "test", "wild.test", ".wild.test", "xwild.test", "app.test.", "x.app.test"])
    assert.ok(!matchServerName(set, name), name);
  for (const pattern of ["", "*", "*x.test", "a.*.test", "a b", "*.", "a..b", "-a.test"])
    assert.notEqual(patternProblem(pattern), undefined, pattern);
});
