/**
 * An API server for tests, in process: TLS, HTTP/2 and HTTP/1.1, tokens, lists in pages, watches with bookmarks, status
 * subresources. It does what the real one does where Postern can tell (one suite holds both to that), and what a real
 * one does in an outage, when a test tells it to.
 */
import { once } from "node:events";
import { createSecureServer, type Http2SecureServer, type Http2ServerRequest } from "node:http2";
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { SYSTEM_CLOCK, type Clock } from "../../../src/api-server/clock.ts";
import { Accounts } from "./accounts.ts";
import { attributesOf, isWatch, readCall, type Call, type Target } from "./call.ts";
import { discoveryDocument } from "./discovery-documents.ts";
import { OpenWatch, type Answer } from "./open-watch.ts";
import { Pages } from "./pages.ts";
import { OSM_DEFINITION, RESOURCE_TYPES, groupVersion, typeOfManifest } from "./resource-types.ts";
import { readSelection } from "./selection.ts";
import * as answers from "./status-answers.ts";
import { Store, type Draft } from "./store.ts";
import { changeObject } from "./writes.ts";

/** What happens instead of an answer. */
export type Intervention =
  | { readonly kind: "refuse"; readonly refusal: answers.Refusal }
  | { readonly kind: "hang" }
  | { readonly kind: "cut" }
  /** A success whose body is this text. */
  | { readonly kind: "body"; readonly text: string }
  /** The ordinary answer, later. */
  | { readonly kind: "late"; readonly byMs: number };

export interface StandInOptions {
  readonly certPem: string;
  readonly keyPem: string;
  readonly http2?: boolean;
  readonly bookmarkEveryMs?: number;
  /** By which bookmarks are sent and watches end. */
  readonly clock?: Clock;
}

export class StandIn implements AsyncDisposable {
  readonly store = new Store();
  readonly accounts = new Accounts();
  readonly #pages = new Pages();
  readonly #watches = new Set<OpenWatch>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Http2SecureServer;
  readonly #clock: Clock;
  readonly #bookmarkEveryMs: number;
  #cancelBookmark = (): void => {};
  /** Every request since the start, in order. */
  readonly calls: Call[] = [];
  /** Asked before every answer. */
  intervene: (call: Call) => Intervention | undefined = () => undefined;

  private constructor(options: StandInOptions) {
    const { certPem, keyPem, http2 = true, bookmarkEveryMs = 60_000, clock = SYSTEM_CLOCK } = options;
    this.#clock = clock;
    this.#bookmarkEveryMs = bookmarkEveryMs;
    this.#server = createSecureServer(
      { cert: certPem, key: keyPem, allowHTTP1: true, ...(!http2 && { ALPNProtocols: ["http/1.1"] }) },
      (request, answer) => void this.#serve(request, answer),
    );
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("sessionError", () => {});
    this.store.follow((change) => {
      for (const watch of this.#watches) watch.change(change);
      if (change.type === "DELETED") this.#endWatchesOf(change.object.metadata.name);
    });
    this.#scheduleBookmarks();
    this.install(OSM_DEFINITION);
  }

  static async start(options: StandInOptions): Promise<StandIn> {
    const standIn = new StandIn(options);
    standIn.#server.listen(0, "127.0.0.1");
    await once(standIn.#server, "listening");
    return standIn;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get watches(): readonly OpenWatch[] {
    return [...this.#watches];
  }

  bookmark(): void {
    for (const watch of this.#watches) watch.bookmark(this.store.version);
  }

  /** Another certificate for the connections to come. */
  rotate(certPem: string, keyPem: string): void {
    this.#server.setSecureContext({ cert: certPem, key: keyPem });
  }

  install(definition: string): void {
    const [plural, ...group] = definition.split(".");
    this.store.create(typeOfManifest("apiextensions.k8s.io/v1", "CustomResourceDefinition"), "", {
      metadata: { name: definition },
      spec: { group: group.join("."), names: { plural, kind: "IngressBackend" } },
    });
  }

  createNamespace(name: string): void {
    this.store.create(typeOfManifest("v1", "Namespace"), "", { metadata: { name } });
  }

  /** History is forgotten, and with it the pages that were under way; open watches go on, as in a cluster. */
  compact(): void {
    this.store.compact();
    this.#pages.forget();
  }

  /** A new etcd behind the same address. */
  forget(): void {
    this.endWatches();
    this.#pages.forget();
    this.store.reset();
    this.install(OSM_DEFINITION);
  }

  endWatches(): void {
    for (const watch of this.#watches) watch.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelBookmark();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage | Http2ServerRequest, answer: Answer): Promise<void> {
    const call = readCall(request.method ?? "", request.url ?? "", request.headers.authorization);
    this.calls.push(call);
    const intervention = this.intervene(call);
    if (intervention?.kind === "late") await new Promise((resolve) => setTimeout(resolve, intervention.byMs));
    switch (intervention?.kind) {
      case "hang":
        return;
      case "cut":
        request.socket.destroy();
        return;
      case "refuse":
        refuse(answer, intervention.refusal);
        return;
      case "body":
        sendText(answer, 200, intervention.text);
        return;
      case "late":
      case undefined:
        await this.#answer(call, request, answer);
    }
  }

  async #answer(call: Call, request: IncomingMessage | Http2ServerRequest, answer: Answer): Promise<void> {
    const account = this.accounts.authenticate(call.authorization);
    if (account === undefined) return refuse(answer, answers.UNAUTHORIZED);
    const { target } = call;
    if (target === undefined || !this.#exists(target)) {
      const document = discoveryDocument(call.path, (type) => this.#exists({ resource: type }));
      return document === undefined ? refuse(answer, answers.NOT_FOUND) : sendJson(answer, 200, document);
    }
    const attributes = attributesOf(call, target);
    if (!account.may(attributes)) {
      const { verb, resource, group } = attributes;
      const message = `${resource} is forbidden: User "${account.name}" cannot ${verb} resource "${resource}" in API group "${group}"`;
      return refuse(answer, { status: 403, reason: "Forbidden", message });
    }
    if (call.method !== "GET") {
      let text = "";
      for await (const chunk of request) text += String(chunk);
      const { status, body } = changeObject(this.store, call.method, target, JSON.parse(text || "{}") as Draft);
      return sendJson(answer, status, body);
    }
    if (isWatch(call)) return this.#watch(call, target, answer);
    if (target.name === undefined) return this.#list(call, target, answer);
    const object = this.store.get(target.resource, target.namespace ?? "", target.name);
    return object === undefined ? refuse(answer, answers.NOT_FOUND) : sendJson(answer, 200, object);
  }

  #scheduleBookmarks(): void {
    this.#cancelBookmark = this.#clock.after(this.#bookmarkEveryMs, () => {
      this.bookmark();
      this.#scheduleBookmarks();
    });
  }

  /** Ends the watches of a resource whose definition is gone. */
  #endWatchesOf(definition: string): void {
    for (const watch of this.#watches) if (watch.request.resource.definition === definition) watch.end();
  }

  #exists({ resource }: Pick<Target, "resource">): boolean {
    if (resource.definition === undefined) return true;
    const definitions = typeOfManifest("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    return RESOURCE_TYPES.includes(resource) && this.store.get(definitions, "", resource.definition) !== undefined;
  }

  #list({ query }: Call, { resource, namespace }: Target, answer: Answer): void {
    const limit = Number(query.get("limit") ?? "0");
    const token = query.get("continue") ?? "";
    const selection = readSelection(query.get("labelSelector") ?? "", query.get("fieldSelector") ?? "");
    const page =
      token === ""
        ? this.#pages.first(this.store.list(resource, namespace).filter(selection), this.store.version, limit)
        : this.#pages.following(token, limit);
    if (page === undefined) return refuse(answer, answers.EXPIRED);
    sendJson(answer, 200, {
      kind: `${resource.kind}List`,
      apiVersion: groupVersion(resource),
      metadata: { resourceVersion: String(page.version), ...(page.next !== "" && { continue: page.next }) },
      items: page.objects,
    });
  }

  #watch({ query }: Call, { resource, namespace }: Target, answer: Answer): void {
    const version = query.get("resourceVersion") ?? "";
    const missed = version === "" || version === "0" ? [] : this.store.since(Number(version));
    const request = {
      resource,
      namespace,
      selection: readSelection(query.get("labelSelector") ?? "", query.get("fieldSelector") ?? ""),
      bookmarks: query.get("allowWatchBookmarks") !== null,
      timeoutMs: Number(query.get("timeoutSeconds") ?? "1800") * 1_000,
    };
    const watch = new OpenWatch(request, answer, this.#clock, () => this.#watches.delete(watch));
    if (missed === undefined) return watch.fail(answers.EXPIRED);
    this.#watches.add(watch);
    if (version === "" || version === "0") watch.initial(this.store.list(resource, namespace));
    for (const change of missed) watch.change(change);
  }
}

function refuse(answer: Answer, refusal: answers.Refusal): void {
  const { retryAfterSeconds } = refusal;
  if (retryAfterSeconds !== undefined) answer.setHeader("retry-after", String(retryAfterSeconds));
  sendJson(answer, refusal.status, answers.statusBody(refusal));
}

function sendJson(answer: Answer, status: number, body: unknown): void {
  sendText(answer, status, JSON.stringify(body));
}

function sendText(answer: Answer, status: number, text: string): void {
  answer.writeHead(status, { "content-type": "application/json" });
  answer.end(text);
}
