import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { connect } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { AdminError } from "../../src/admin/admin.ts";
import { isForOperators } from "../../src/cli/for-operators.ts";
import { ManifestsError } from "../../src/discovery/manifests/manifests-discovery.ts";
import { ListenError } from "../../src/proxy/control/listen-check.ts";
import { CredentialsError } from "../../src/tls/credentials-error.ts";

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

test("errors that name a setting, and those of the system, are for operators", async () => {
  const ours = [
    new AdminError("said"),
    new ManifestsError("said"),
    new ListenError(80, "[::]:80", "EACCES", "said"),
    new CredentialsError("said"),
  ];
  for (const error of ours) assert.equal(isForOperators(error), true, error.name);
  assert.equal(isForOperators(thrownBy(() => statSync("/no/such/path"))), true);
  const [refused] = await once(connect(1, "127.0.0.1"), "error");
  assert.equal(isForOperators(refused), true);
});

test("a wrong call of Node's own API is a fault of ours, although it has a code", () => {
  const error = thrownBy(() => Buffer.from(undefined as unknown as string));
  assert.ok(error instanceof TypeError && "code" in error);
  assert.equal(isForOperators(error), false);
  assert.equal(isForOperators(new Error("plain")), false);
  assert.equal(isForOperators("text"), false);
});
