/** Who may do what at the stand-in: bearer tokens that name accounts, and accounts with rights. */

export interface Attributes {
  readonly verb: string;
  readonly group: string;
  /** With the subresource, e.g. `ingressbackends/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}

export interface Account {
  readonly name: string;
  readonly may: (attributes: Attributes) => boolean;
}

export class Accounts {
  readonly #byToken = new Map<string, Account>();

  grant(token: string, account: Account): void {
    this.#byToken.set(token, account);
  }

  revoke(token: string): void {
    this.#byToken.delete(token);
  }

  /** `undefined`: 401. */
  authenticate(authorization: string | undefined): Account | undefined {
    const [, token = ""] = /^Bearer (.+)$/.exec(authorization ?? "") ?? [];
    return this.#byToken.get(token);
  }
}
