/** One process of callers, which keep connections that nothing is sent on. Started by `revocation.ts`. */
import type { TLSSocket } from "node:tls";
import { monotonicMs } from "../machine/monotonic.ts";
import type { Bearer } from "./mesh.ts";
import { openConnection } from "./open-connection.ts";
import { contextsOf } from "./caller-context.ts";

export interface CallersOrder {
  readonly id: number;
  readonly order:
    | { readonly kind: "open"; readonly bearer: Bearer; readonly port: number; readonly count: number }
    /** All connections of this bearer are going to be closed; answered when the last of them is. */
    | { readonly kind: "await-end"; readonly bearer: string }
    /** How many were closed that nobody awaited the end of. */
    | { readonly kind: "wrong-closes" };
}

export interface CallersAnswer {
  readonly id: number;
  readonly failure?: string;
  /** For `await-end`: when each was closed, on the clock of the machine. */
  readonly ends?: readonly number[];
  readonly wrong?: number;
}

const CONCURRENT = 4;

/** The connections of one bearer. */
class Group {
  readonly open = new Set<TLSSocket>();
  readonly ends: number[] = [];
  #awaited: ((ends: readonly number[]) => void) | undefined;

  get isAwaited(): boolean {
    return this.#awaited !== undefined;
  }

  add(socket: TLSSocket, onWrong: () => void): void {
    this.open.add(socket);
    socket.resume();
    const onEnd = (): void => {
      if (!this.open.delete(socket)) return;
      ended.push(socket);
      if (this.#awaited === undefined) onWrong();
      this.ends.push(monotonicMs());
      if (this.open.size === 0) this.#awaited?.(this.ends);
    };
    // The last byte, or whatever ends it without one.
    socket.once("end", onEnd);
    socket.once("close", onEnd);
  }

  awaitEnd(): Promise<readonly number[]> {
    return new Promise((resolve) => {
      this.#awaited = resolve;
      if (this.open.size === 0) resolve(this.ends);
    });
  }
}

const groups = new Map<string, Group>();
let wrong = 0;
/** Closed by the sidecar, and not yet here. */
const ended: TLSSocket[] = [];

async function open(bearer: Bearer, port: number, count: number): Promise<void> {
  for (const socket of ended.splice(0)) socket.destroy();
  const contexts = contextsOf(bearer);
  const group = new Group();
  groups.set(bearer.name, group);
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < count) {
      const context = contexts[begun % contexts.length]!;
      begun += 1;
      group.add(await openConnection({ port, from: bearer.from, context }), () => (wrong += 1));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT }, lane));
}

async function obey({ order }: CallersOrder): Promise<Omit<CallersAnswer, "id">> {
  switch (order.kind) {
    case "open":
      await open(order.bearer, order.port, order.count);
      return {};
    case "await-end":
      return { ends: (await groups.get(order.bearer)?.awaitEnd()) ?? [] };
    case "wrong-closes":
      return { wrong };
  }
}

process.on("message", (order: CallersOrder) => {
  void obey(order)
    .catch((error: unknown) => ({ failure: String(error) }))
    .then((answer) => process.send?.({ id: order.id, ...answer }));
});
process.once("disconnect", () => process.exit(0));
