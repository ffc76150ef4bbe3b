import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { test } from "node:test";
import { startAdmin } from "../../src/admin/admin.ts";
import type { AdminSubject } from "../../src/admin/subject.ts";
import { createLog } from "../../src/telemetry/log.ts";

test("metrics that cannot be loaded once are loaded by a later scrape", async () => {
  let failures = 0;
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier !== "./metrics.ts" || failures > 0) return next(specifier, context);
      failures += 1;
      throw new Error("too many open files");
    },
  });
  const subject = {
    config: { admin: { host: "127.0.0.1", port: 0 } },
    log: createLog("error", () => undefined),
  } as unknown as AdminSubject;
  const servers = await startAdmin(subject);
  try {
    const scrape = async (): Promise<string> => (await fetch(`http://127.0.0.1:${servers.admin.port}/metrics`)).text();
    assert.match(await scrape(), /too many open files/);
    assert.doesNotMatch(await scrape(), /too many open files/);
    assert.equal(failures, 1);
  } finally {
    hooks.deregister();
    await servers.close();
  }
});
