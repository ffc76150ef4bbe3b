/** Asks `/explain` of a supposed caller. Works without a script: it is a GET. */
import { backendStates } from "../../policy/backend-state.ts";
import type { ServiceState } from "../../policy/service-state.ts";
import { html, type Html } from "./html.ts";

/** More names than a caller can have of which anybody asks. */
const MOST_NAMES = 32;
const MOST_PORTS = 200;

/** Those where somebody listens come first: the first of all is what the form suggests. */
export function portsToAsk(state: ServiceState): readonly number[] {
  const ports = backendStates(state).map(({ port }) => port);
  const listens = (port: (typeof ports)[number]): boolean => state.listeners?.has(port) !== false;
  return [...ports.filter(listens), ...ports.filter((port) => !listens(port))];
}

/** @param asked what was asked last, to be asked otherwise */
export function explainForm(ports: readonly number[], asked = new URLSearchParams()): Html {
  const names = asked.getAll("san").slice(0, MOST_NAMES - 1);
  const noCertificate = (asked.get("no-cert") ?? "false") !== "false";
  // Whoever names a server or shows a certificate means TLS, whatever was asked.
  const tls = (asked.get("tls") ?? "false") !== "false" || noCertificate || asked.has("sni") || asked.has("san");
  return html`<section aria-labelledby="explain">
    <h2 id="explain">Explain</h2>
    <form action="/explain" method="get" aria-labelledby="explain">
      <label
        ><span>Backend port</span
        ><input
          name="port"
          type="number"
          min="1"
          max="65535"
          required
          list="ports"
          value="${asked.get("port") ?? ports[0]}"
      /></label>
      <datalist id="ports">${ports.slice(0, MOST_PORTS).map((port) => html`<option value="${port}">`)}</datalist>
      <label
        ><span>Source address</span
        ><input name="from" required autocomplete="off" placeholder="10.0.0.1" value="${asked.get("from") ?? ""}"
      /></label>
      <label
        ><span>Speaks</span
        ><select name="tls">
          <option value="false" ${!tls && html` selected`}>plaintext</option>
          <option value="true" ${tls && html` selected`}>TLS</option>
        </select></label
      >
      <label><span>Server name</span><input name="sni" autocomplete="off" value="${asked.get("sni") ?? ""}" /></label>
      ${[...names, ""].map((name) => html`<label><span>Name in the certificate</span><input name="san" autocomplete="off" placeholder="dns:NAME or uri:URI" value="${name}" /></label> `)}
      <label class="check"
        ><input name="no-cert" type="checkbox" value="true" ${noCertificate && html` checked`} />
        <span>shows no certificate</span></label
      >
      <button>Explain</button>
    </form>
  </section>`;
}
