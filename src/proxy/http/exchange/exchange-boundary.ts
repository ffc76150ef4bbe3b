/** Stands between an upstream and an exchange: what a callback of the exchange throws ends that exchange alone. */
import { faultIn, type OnFault } from "../../forward/boundary.ts";
import type { Release } from "../../forward/read-buffers.ts";
import type { ResponseControl, ResponseHandler, Trailers } from "../upstream/upstream.ts";

/** An exchange, as its boundary sees it. */
export interface BoundedHandler extends ResponseHandler {
  readonly fault: OnFault;
}

/** Methods and not wrapped closures: these are on the path of every chunk. */
export class ExchangeBoundary implements ResponseHandler {
  readonly #exchange: BoundedHandler;

  constructor(exchange: BoundedHandler) {
    this.#exchange = exchange;
  }

  onRequestStart(control: ResponseControl): void {
    try {
      this.#exchange.onRequestStart(control);
    } catch (thrown) {
      this.#exchange.fault(faultIn("exchange request-start", thrown));
    }
  }

  onResponseStart(control: ResponseControl, status: number): void {
    try {
      this.#exchange.onResponseStart(control, status);
    } catch (thrown) {
      this.#exchange.fault(faultIn("exchange response-start", thrown));
    }
  }

  onResponseData(control: ResponseControl, chunk: Buffer, release?: Release): void {
    try {
      this.#exchange.onResponseData(control, chunk, release);
    } catch (thrown) {
      this.#exchange.fault(faultIn("exchange response-data", thrown));
    }
  }

  onResponseEnd(control: ResponseControl, trailers: Trailers): void {
    try {
      this.#exchange.onResponseEnd(control, trailers);
    } catch (thrown) {
      this.#exchange.fault(faultIn("exchange response-end", thrown));
    }
  }

  onSwitch(): void {
    try {
      this.#exchange.onSwitch();
    } catch (thrown) {
      this.#exchange.fault(faultIn("exchange switch", thrown));
    }
  }

  onResponseError(control: ResponseControl | undefined, error: Error): void {
    try {
      this.#exchange.onResponseError(control, error);
    } catch (thrown) {
      this.#exchange.fault(faultIn("exchange response-error", thrown));
    }
  }
}
