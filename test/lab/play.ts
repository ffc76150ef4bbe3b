/** `npm run lab`: the laboratory with Contour's mutual TLS demonstration in force, and a shell in it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, SHOP } from "./cluster.ts";
import { contourPrograms } from "./contour/lacking.ts";
import { startWalkthrough } from "./contour/walkthrough.ts";
import { Laboratory } from "./laboratory.ts";
import { NAMES } from "./mesh.ts";

const ROOT = join(import.meta.dirname, "../..");

async function startContour(lab: Laboratory): Promise<boolean> {
  const programs = await contourPrograms();
  if (typeof programs === "string") return false;
  const { edge, stranger } = lab;
  await startWalkthrough(lab, programs, { listed: [edge], unlisted: [stranger] });
  await lab.applyPolicy("contour/mtls.yaml");
  const ask = { url: `http://${edge.ipv4}:8080/`, headers: { host: NAMES.site } };
  await eventually("the edge passes", async () => (await lab.client.outcome(ask)) === 200);
  return true;
}

function advice(lab: Laboratory, contour: boolean): string {
  const { edge, stranger, pod } = lab;
  return `
The laboratory is up. Leave this shell (exit) and everything in it is gone.
  pod ${pod.namespace.ipv4}   edge ${edge.ipv4}   stranger ${stranger.ipv4}   client 10.99.0.20   node and API server 10.99.0.1
${contour ? "" : "Contour or Envoy is not to be had here: there is no gateway yet.\n"}
Try:
  at client curl -i -H 'Host: cart.example' http://${edge.ipv4}:8080/        the listed edge: 200
  at client curl -i -H 'Host: cart.example' http://${stranger.ipv4}:8080/        the edge that no policy lists: 503
  at edge curl -i http://${pod.namespace.ipv4}/                              an edge that does not speak TLS
  at pod curl -s '127.0.0.1:15000/explain?port=80&from=${stranger.ipv4}&tls=true&san=dns:${NAMES.contour}'
  at pod curl -s 127.0.0.1:15000/connections
  at pod nft list ruleset
  kubectl get ingressbackend -n ${SHOP.namespace} -o yaml
  kubectl delete ingressbackend -n ${SHOP.namespace} ${SHOP.name}                      and ask again
  kubectl apply -f ${ROOT}/config/contour/http.yaml      the first demonstration; then https.yaml, mtls.yaml
`;
}

async function main(): Promise<void> {
  console.log("bringing up etcd, the API server, its controllers, the pod and its gateways: about 20 s");
  await using lab = await Laboratory.start();
  const contour = await startContour(lab);
  const { kubectl, kubeconfig } = lab.cluster.access();
  const startup = join(lab.pod.directory, "bashrc");
  writeFileSync(
    startup,
    `at() { local name=$1; shift; nsenter --net=/run/netns/$name -- "$@"; }\nkubectl() { ${kubectl} --kubeconfig=${kubeconfig} "$@"; }\nPS1='lab# '\n`,
  );
  console.log(advice(lab, contour));
  // Without a terminal bash would read our input, or end at once.
  const shell = process.stdin.isTTY
    ? spawn("bash", ["--rcfile", startup, "-i"], { stdio: "inherit" })
    : spawn("bash", ["-c", `. ${startup}; . /dev/stdin`], { stdio: "inherit" });
  await once(shell, "exit");
}

process.on("SIGINT", () => undefined);
await main();
