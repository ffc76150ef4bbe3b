/** Nothing of a laboratory outlives it, however it is ended. */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { ISOLATED } from "./isolation.ts";

/** A laboratory in small: a namespace, and a program in it that ends with nothing but itself. It holds our end of the pipe. */
const LABORATORY = [
  ...ISOLATED,
  "sh",
  "-c",
  "ip netns add inner && (nsenter --net=/run/netns/inner sleep 600 &) && echo up && sleep 600",
];

/** Resolves when the last process that holds the pipe is gone. */
async function everythingEnds(child: ChildProcess, end: () => void): Promise<void> {
  await once(child.stdout!, "data");
  const closed = once(child, "close", { signal: AbortSignal.timeout(5_000) });
  end();
  await closed;
  assert.equal(execFileSync("ip", ["netns", "list"]).toString(), "");
}

test("killed, it takes every process and namespace with it", async () => {
  const [file, ...args] = LABORATORY as [string, ...string[]];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  await everythingEnds(child, () => child.kill("SIGKILL"));
});

test("it ends when whoever started it is killed", async () => {
  const starter = `const [file, ...args] = ${JSON.stringify(LABORATORY)};
    require("node:child_process").spawn(file, args, { stdio: "inherit" });`;
  const child = spawn(process.execPath, ["-e", starter], { stdio: ["ignore", "pipe", "inherit"] });
  await everythingEnds(child, () => child.kill("SIGKILL"));
});
