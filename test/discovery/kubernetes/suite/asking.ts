/** Questions about a cluster: what its objects say now, and what edited ones would. The same answers from every API server. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { runExplain } from "../../../../src/cli/explain.ts";
import type { TestCluster } from "../../../support/api-server/test-cluster.ts";
import { writeKubeconfig } from "../../../support/api-server/kubeconfig.ts";
import { runCommand } from "../../../support/process/command.ts";
import { temporaryDirectory } from "../../../support/process/temporary-directory.ts";
import { EDGE, OTHER, edgeSlice, letIn, letInOn, sliceOf } from "./objects.ts";

const POD = { namespace: "test", services: ["foo"] };

/** As `/peers` of a sidecar gives them. */
const seen = (address: string): object => ({
  port: 80,
  address,
  tls: false,
  certificate: "unseen",
  sans: [],
  verdict: "forward",
  count: 3,
});

export function asking(use: () => Promise<TestCluster>): void {
  test("explain --kubeconfig judges by the cluster, and --replay by edited objects before they are applied", async () => {
    await using cluster = await use();
    using directory = temporaryDirectory();
    const file = (name: string, content: object): string => {
      const path = join(directory.path, name);
      writeFileSync(path, JSON.stringify(content));
      return path;
    };
    await cluster.api.apply(
      letIn("gateways/edge", "gateways2/spare"),
      edgeSlice(EDGE),
      sliceOf("gateways2/spare", "spare-1", [OTHER]),
    );
    const kubeconfig = writeKubeconfig(join(directory.path, "kubeconfig"), cluster.credentials());
    const ask = (...argv: readonly string[]) =>
      runCommand(runExplain, `--kubeconfig=${kubeconfig}`, "--namespace=test", "--service=foo", "--json", ...argv);
    const allowed = await ask("--port=80", `--from=${OTHER}`);
    assert.deepEqual(
      [allowed.code, (JSON.parse(allowed.stdout) as { source: string }).source],
      [0, "Service gateways2/spare"],
    );
    assert.equal((await ask("--port=80", "--from=10.99.0.99")).code, 1);

    const peers = file("peers.json", { kind: "postern-peers", version: 2, pod: POD, peers: [seen(EDGE), seen(OTHER)] });
    const edited = temporaryDirectory();
    using _ = edited;
    const replay = () => ask(`--replay=${peers}`, `--manifests=${edited.path}`);
    writeFileSync(join(edited.path, "a.yaml"), JSON.stringify(letIn("gateways/edge", "gateways2/spare")));
    const before = await replay();
    assert.deepEqual([before.code, (JSON.parse(before.stdout) as { counts: { loses: number } }).counts.loses], [0, 0]);
    writeFileSync(join(edited.path, "a.yaml"), JSON.stringify(letIn("gateways/edge")));
    const after = await replay();
    const { counts, changes } = JSON.parse(after.stdout) as {
      counts: { loses: number };
      changes: readonly { peer: { address: string }; reason: string }[];
    };
    assert.deepEqual([after.code, counts.loses], [1, 1]);
    assert.deepEqual([changes[0]?.peer.address, changes[0]?.reason], [OTHER, "source-not-listed"]);
  });

  test("an edited object is as old as the one that it replaces, and governs the port that its age gives it", async () => {
    await using cluster = await use();
    using directory = temporaryDirectory();
    const kubeconfig = writeKubeconfig(join(directory.path, "kubeconfig"), cluster.credentials());
    await cluster.api.apply(letInOn("older", 80, "gateways/edge"), edgeSlice(EDGE));
    // The API server tells whole seconds, and of objects of one age the name decides.
    await delay(1_100);
    await cluster.api.apply(letInOn("newer", 80, "gateways/edge"));
    const peers = join(directory.path, "peers.json");
    writeFileSync(peers, JSON.stringify({ kind: "postern-peers", version: 2, pod: POD, peers: [seen(EDGE)] }));
    const edited = temporaryDirectory();
    using _ = edited;
    writeFileSync(join(edited.path, "a.yaml"), JSON.stringify(letInOn("older", 80, "gateways/edge")));
    const { code, stdout, stderr } = await runCommand(
      runExplain,
      `--kubeconfig=${kubeconfig}`,
      `--replay=${peers}`,
      `--manifests=${edited.path}`,
      "--json",
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual((JSON.parse(stdout) as { judgedBy: readonly string[] }).judgedBy, ["test/older"]);
  });
}
