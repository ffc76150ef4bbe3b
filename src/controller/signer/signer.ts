/** Follows the requests for our signer and answers each once: approved and signed, or denied with the reason. */
import type { ApiClient } from "../../api-server/client.ts";
import { ApiFailure } from "../../api-server/failure.ts";
import { isRecord, listOf, type KubernetesObject } from "../../api-server/objects.ts";
import type { ReflectorEnvironment } from "../../api-server/watch/reflector-environment.ts";
import { Reflector } from "../../api-server/watch/reflector.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Authority } from "../certificate-authority/authority.ts";
import { issueCertificate } from "../certificate-authority/issue.ts";
import { readCertificateRequest, type CertificateRequest, type ConditionType } from "./certificate-request.ts";
import { judgeRequest, type RequestVerdict, type SignerRules } from "./judge-request.ts";

const PATH = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
/** Answered at once; the others wait. */
const AT_ONCE = 8;

export interface SignerOptions {
  readonly client: ApiClient;
  readonly log: Log;
  /** `spec.signerName`. */
  readonly signer: string;
  /** Asked at every answer: they follow the mesh. */
  readonly rules: () => SignerRules;
  readonly onChange: () => void;
}

export class Signer {
  readonly #options: SignerOptions;
  readonly #requests: Reflector<CertificateRequest>;

  constructor(environment: ReflectorEnvironment, options: SignerOptions) {
    this.#options = options;
    this.#requests = new Reflector<CertificateRequest>(environment, {
      resource: `certificatesigningrequests of ${options.signer}`,
      path: PATH,
      selector: { fieldSelector: `spec.signerName=${options.signer}` },
      project: (object) => openRequest(object, options.signer),
      onChange: options.onChange,
    });
  }

  start(): void {
    this.#requests.start();
  }

  stop(): Promise<void> {
    return this.#requests.stop();
  }

  /** Answers all that wait. Every one is tried; rejects with the first failure. */
  async answerAll(authority: Authority, now: number, signal: AbortSignal): Promise<void> {
    const waiting = [...this.#requests.items.values()];
    const failures: unknown[] = [];
    const worker = async (): Promise<void> => {
      for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
        signal.throwIfAborted();
        await this.#answer(request, authority, now, signal).catch((error: unknown) => {
          // Somebody has answered it, or it is gone: the watch says so in a moment.
          if (!(error instanceof ApiFailure) || (error.status !== 409 && error.kind !== "absent")) failures.push(error);
        });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (failures.length > 0) throw failures[0];
  }

  async #answer(request: CertificateRequest, authority: Authority, now: number, signal: AbortSignal): Promise<void> {
    const verdict = await judgeRequest(request, this.#options.rules());
    const approved = request.conditions.has("Approved");
    if (verdict.kind === "deny") {
      const { reason, message } = verdict;
      this.#options.log.warn(
        { request: request.name, username: request.username, reason, problem: message },
        "certificate request denied",
      );
      // An approval by somebody else does not make it right.
      if (approved) await this.#put(request.object, "status", withCondition(request.object, "Failed", verdict), signal);
      else await this.#put(request.object, "approval", withCondition(request.object, "Denied", verdict), signal);
      return;
    }
    const { name, publicKey, validityMs } = verdict;
    const certificate = await issueCertificate(authority, {
      names: [name],
      publicKey,
      usages: ["server", "client"],
      validityMs,
      now,
    });
    const object = approved
      ? request.object
      : await this.#put(request.object, "approval", withCondition(request.object, "Approved", verdict), signal);
    const status = isRecord(object["status"]) ? object["status"] : {};
    const signed = { ...object, status: { ...status, certificate: Buffer.from(certificate).toString("base64") } };
    await this.#put(object, "status", signed, signal);
    this.#options.log.info({ request: request.name, name, pod: verdict.requester.podName }, "certificate issued");
  }

  async #put(
    { metadata }: KubernetesObject,
    part: "approval" | "status",
    body: KubernetesObject,
    signal: AbortSignal,
  ): Promise<KubernetesObject> {
    const name = isRecord(metadata) ? String(metadata["name"]) : "";
    const answer = await this.#options.client.json({ method: "PUT", path: `${PATH}/${name}/${part}`, body, signal });
    return isRecord(answer) ? answer : body;
  }
}

/** `undefined` for one that has had its answer. */
function openRequest(object: KubernetesObject, signer: string): CertificateRequest | undefined {
  const request = readCertificateRequest(object);
  const { conditions, issued } = request;
  return request.signer !== signer || issued || conditions.has("Denied") || conditions.has("Failed")
    ? undefined
    : request;
}

/** `metav1.Condition` messages have no bound of their own; this keeps an object small whatever a request holds. */
const MOST_MESSAGE = 1_000;

function withCondition(object: KubernetesObject, type: ConditionType, verdict: RequestVerdict): KubernetesObject {
  const status = isRecord(object["status"]) ? object["status"] : {};
  const condition = {
    type,
    status: "True",
    reason: verdict.kind === "deny" ? verdict.reason : "PodOfTheAccount",
    message:
      verdict.kind === "deny"
        ? verdict.message.slice(0, MOST_MESSAGE)
        : `${verdict.name} is the account of the pod ${verdict.requester.podName} that asked`,
  };
  return { ...object, status: { ...status, conditions: [...listOf(status, "conditions"), condition] } };
}
