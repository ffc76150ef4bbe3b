import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { OrderProcess } from "../../../bench/machine/order-process.ts";
import { temporaryDirectory } from "../../support/process/temporary-directory.ts";

interface Echo {
  readonly id: number;
  readonly failure?: string;
  readonly said?: string;
}

/** Repeats what it is told; `fail` fails, `leave` ends it. */
const PROGRAM = `process.on("message", ({ id, order }) => {
  if (order === "leave") process.exit(3);
  process.send(order === "fail" ? { id, failure: "it was told to" } : { id, said: order });
});`;

test("each order is answered, and a failure rejects its order alone", async () => {
  using directory = temporaryDirectory();
  const program = join(directory.path, "echo.mjs");
  writeFileSync(program, PROGRAM);
  await using echo = new OrderProcess<string, Echo>(program);
  const [one, failed, two] = await Promise.allSettled([echo.ask("one"), echo.ask("fail"), echo.ask("two")]);
  assert.deepEqual(
    [one, two].map((of) => of.status === "fulfilled" && of.value.said),
    ["one", "two"],
  );
  assert.match(String(failed.status === "rejected" && failed.reason), /it was told to/);
});

test("an order rejects when the process ends before it answers, and when it has ended before", async () => {
  using directory = temporaryDirectory();
  const program = join(directory.path, "echo.mjs");
  writeFileSync(program, PROGRAM);
  await using echo = new OrderProcess<string, Echo>(program);
  const ended = /echo\.mjs has ended with 3/;
  await assert.rejects(echo.ask("leave"), ended);
  await assert.rejects(echo.ask("one"), ended);
});
