import assert from "node:assert/strict";
import { test } from "node:test";
import { helpText, parseFlags, type CommandSpec } from "../../src/cli/flags.ts";

const SPEC: CommandSpec = {
  name: "try",
  summary: "Tries.",
  usage: ["try"],
  flags: [
    { name: "port", value: "N", help: "a port" },
    { name: "backend", value: "SPEC", repeatable: true, help: "a backend" },
    { name: "json", help: "as JSON" },
    { name: "with", value: "FILE", optional: true, help: "may stand alone" },
  ],
};

test("values stand behind the flag or after an equals sign, and a value may hold one", () => {
  const { values, problems } = parseFlags(SPEC, ["--port", "80", "--backend=port=80", "--backend", "a=b", "--json"]);
  assert.deepEqual(
    [...values],
    [
      ["port", ["80"]],
      ["backend", ["port=80", "a=b"]],
      ["json", [""]],
    ],
  );
  assert.deepEqual(problems, []);
});

test("a flag with an optional value takes it with an equals sign only", () => {
  const withValue = parseFlags(SPEC, ["--with=a=b", "--json"]);
  assert.deepEqual(withValue.values.get("with"), ["a=b"]);
  const alone = parseFlags(SPEC, ["--with", "--port", "80"]);
  assert.deepEqual([alone.values.get("with"), alone.values.get("port"), alone.problems], [[""], ["80"], []]);
  assert.deepEqual(parseFlags(SPEC, ["--with", "file"]).problems, ["unexpected argument 'file'"]);
  assert.match(helpText(SPEC), /--with\[=FILE\]/);
});

const refused: readonly [argv: readonly string[], problems: readonly string[]][] = [
  [["--prot", "80"], ["unknown flag '--prot', did you mean '--port'?"]],
  [["-p"], ["unknown flag '-p'"]],
  [["--port"], ["--port needs a value: --port N"]],
  [["--port", "--json"], ["--port needs a value: --port N"]],
  [["--port=1", "--port=2"], ["--port is given more than once"]],
  [["--json=yes"], ["--json has the value 'yes'; expected true or false, or no value"]],
  [["extra"], ["unexpected argument 'extra'"]],
  [["--json", "extra"], ["unexpected argument 'extra'"]],
  [
    ["--__proto__=1", "--constructor"],
    ["unknown flag '--__proto__'", "unknown flag '--constructor'"],
  ],
];

for (const [argv, problems] of refused)
  test(`${argv.join(" ")} is refused with its reason`, () => {
    assert.deepEqual(parseFlags(SPEC, argv).problems, problems);
  });

test("a value that begins with one dash is a value, and two dashes after an equals sign too", () => {
  const { values, problems } = parseFlags(SPEC, ["--port", "-1", "--backend=--x"]);
  assert.deepEqual([values.get("port"), values.get("backend"), problems], [["-1"], ["--x"], []]);
});

test("-h and --help ask for help, which names every flag", () => {
  for (const argument of ["-h", "--help"]) assert.equal(parseFlags(SPEC, [argument]).help, true);
  for (const name of ["--port N", "--backend SPEC...", "--json", "--help"])
    assert.ok(helpText(SPEC).includes(name), name);
});

test("a command with positional arguments keeps them in order, a lone dash and all after two among them", () => {
  const { positionals, problems } = parseFlags({ ...SPEC, positionals: "FILE" }, ["a", "--json", "-", "--", "--b"]);
  assert.deepEqual([positionals, problems], [["a", "-", "--b"], []]);
});

test("a switch that is set to false is off, to true on", () => {
  const on = (...argv: readonly string[]): boolean => parseFlags(SPEC, argv).values.has("json");
  assert.deepEqual(
    [on("--json"), on("--json=true"), on("--json=false"), on("--json", "--json=false")],
    [true, true, false, false],
  );
});
