/**
 * The boundary around each callback of a socket, stream or timer. Without it a throw would end the data thread with every
 * connection on it; with it the throw ends the one exchange, tunnel, relay or connection to which the callback belongs.
 */

/** Ends what the callback belongs to. Must not throw. */
export type OnFault = (fault: CallbackFault) => void;

/**
 * Wraps a callback.
 * @param name says where a fault came from, in the record of what it ended: `relay downstream-data`
 */
export function contain<Args extends readonly unknown[]>(
  name: string,
  onFault: OnFault,
  callback: (...args: Args) => void,
): (...args: Args) => void {
  return (...args) => {
    try {
      callback(...args);
    } catch (thrown) {
      onFault(faultIn(name, thrown));
    }
  };
}

/** A throw of a callback: a fault of ours, whatever provoked it. */
export class CallbackFault extends Error {
  override readonly name = "CallbackFault";
}

/** What was thrown, with the name of the callback in front of its message. */
export function faultIn(name: string, thrown: unknown): CallbackFault {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new CallbackFault(`${name}: ${message}`, { cause: thrown });
}
