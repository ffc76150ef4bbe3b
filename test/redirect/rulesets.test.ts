import assert from "node:assert/strict";
import { test } from "node:test";
import { iptablesDocument, iptablesRemoval } from "../../src/redirect/iptables.ts";
import { nftRemoval, nftRuleset } from "../../src/redirect/nftables.ts";
import type { RedirectPlan } from "../../src/redirect/plan.ts";

const plan: RedirectPlan = {
  redirects: [
    { port: 80, to: 15_080 },
    { port: 8080, to: 23_080 },
  ],
  excludedInterfaces: ["eth1"],
  excludedSources: ["10.0.0.1", "fd00::1"],
};

test("nftRuleset() replaces the table in one transaction and lets the exclusions pass first", () => {
  assert.equal(
    nftRuleset(plan),
    `table inet postern
delete table inet postern
table inet postern {
  chain inbound {
    type nat hook prerouting priority dstnat; policy accept;
    iifname "lo" return
    iifname "eth1" return
    ip saddr 10.0.0.1 return
    ip6 saddr fd00::1 return
    tcp dport 80 redirect to :15080
    tcp dport 8080 redirect to :23080
  }
}
`,
  );
});

test("nftRemoval() succeeds where there is no table", () => {
  assert.equal(nftRemoval(), "table inet postern\ndelete table inet postern\n");
});

test("iptablesDocument() holds one family's exclusions and jumps only once", () => {
  assert.equal(
    iptablesDocument(plan, 6, false),
    `*nat
:POSTERN_INBOUND - [0:0]
-A POSTERN_INBOUND -i lo -j RETURN
-A POSTERN_INBOUND -i eth1 -j RETURN
-A POSTERN_INBOUND -s fd00::1 -j RETURN
-A POSTERN_INBOUND -p tcp --dport 80 -j REDIRECT --to-ports 15080
-A POSTERN_INBOUND -p tcp --dport 8080 -j REDIRECT --to-ports 23080
-A PREROUTING -p tcp -j POSTERN_INBOUND
COMMIT
`,
  );
  assert.doesNotMatch(iptablesDocument(plan, 4, true), /PREROUTING/);
});

test("iptablesRemoval() takes the jump away before the chain", () => {
  assert.match(iptablesRemoval(), /-D PREROUTING[^]*-F POSTERN_INBOUND\n-X POSTERN_INBOUND/);
});
