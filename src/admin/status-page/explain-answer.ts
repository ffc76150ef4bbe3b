/** The answer of `/explain` for people: the verdict, why, and the form to ask again. */
import type { Verdict } from "../../policy/decision.ts";
import type { Explanation } from "../../policy/explain/explain.ts";
import { bounded, factList, htmlDocument, type HtmlDocument } from "./document.ts";
import { explainForm } from "./explain-form.ts";
import { html, type Html, type Part } from "./html.ts";

const MOST_PROBLEMS = 20;

export type Answer =
  | { readonly kind: "explained"; readonly explanation: Explanation }
  | { readonly kind: "misread"; readonly problems: readonly string[] };

/** @param ports that may be asked about */
export function explainDocument(answer: Answer, asked: URLSearchParams, ports: readonly number[]): HtmlDocument {
  return htmlDocument(
    "Postern: explain",
    html`<header>
        <h1><a href="/">Postern</a></h1>
      </header>
      <main>
        ${answer.kind === "misread" ? problemsOf(answer.problems) : explained(answer.explanation, asked)}
        ${explainForm(ports, asked)}
      </main>`,
  );
}

function problemsOf(problems: readonly string[]): Html {
  const { shown, more } = bounded(problems, MOST_PROBLEMS);
  return html`<section class="banner warn" aria-label="Problems">
    <strong>This cannot be explained</strong>
    <ul>
      ${shown.map((problem) => html`<li>${problem}</li>`)}${more > 0 && html`<li>and ${more} more</li>`}
    </ul>
  </section>`;
}

function explained(explanation: Explanation, asked: URLSearchParams): Html {
  const { verdict, reason, nearest, policy, source, principal, wouldRefuse, conditions = [] } = explanation;
  const level = verdict === "forward" ? (wouldRefuse === undefined ? "good" : "warn") : "bad";
  const facts: readonly (readonly [string, Part])[] = [
    ["Asked", `port ${asked.get("port")} from ${asked.get("from")}`],
    ["Verdict", verdict],
    ["Reason", reason],
    ["Would be refused by", wouldRefuse],
    ["Nearest miss", nearest],
    ["Policy", policy],
    ["Source", source],
    ["Principal", principal],
    ...conditions.map(({ code, detail }) => ["Condition", `${code}: ${detail}`] as const),
  ];
  return html`<section class="banner ${level}" aria-label="Verdict">
      <strong
        >${wouldRefuse === undefined ? titleOf(verdict) : "Let in by audit, which enforcement would refuse"}</strong
      >
    </section>
    ${factList("Explanation", facts)}`;
}

function titleOf(verdict: Verdict): string {
  switch (verdict) {
    case "forward":
      return "Let in";
    case "close":
      return "Refused: the connection is closed";
    case "tls-alert":
      return "Refused: the TLS handshake fails";
    case "forbidden":
      return "Refused: 403";
  }
}
