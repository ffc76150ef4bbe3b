/** Our own certificate and what is trusted, with the time that is left. */
import { lifeStage, type LifeStage } from "../../tls/credentials/credentials-life.ts";
import type { Credentials } from "../../tls/credentials.ts";
import { bounded, factList } from "./document.ts";
import type { StatusFacts } from "./facts.ts";
import { html, type Html, type Part } from "./html.ts";
import { duration, moment } from "./time-words.ts";

const DAY_MS = 86_400_000;
const MOST_NAMES = 20;
const MOST_WARNINGS = 10;

export function certificateSection(facts: StatusFacts): Html {
  const { credentials, credentialProblem, credentialFailures, config, state } = facts;
  return html`<section aria-labelledby="certificate">
    <h2 id="certificate">Certificate</h2>
    ${credentials === undefined ? html`<p>${config.tls === undefined ? "None is configured: https backends stay closed." : "None yet."}</p>` : certificateTable(credentials, state.now)}
    ${credentialProblem !== undefined && html`<p><span class="bad">What is configured cannot be used: ${credentialProblem}</span></p>`}
    ${credentialFailures > 0 && html`<p>Failed to be read ${credentialFailures} times since the start.</p>`}
  </section>`;
}

function certificateTable(credentials: Credentials, now: number): Html {
  const { names, notBefore, notAfter, generation, lists, warnings } = credentials;
  const { shown, more } = bounded(names, MOST_NAMES);
  const ends = lists.flatMap(({ nextUpdate }) => nextUpdate ?? []);
  const [trustEnd] = credentials.trustEnds;
  const rows: (readonly [string, Part])[] = [
    ["Names", more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ") || "none"],
    ["Time left", html`<span class="${levelOf(lifeStage(credentials, now))}">${leftOf(credentials, now)}</span>`],
    ["Valid", `from ${moment(notBefore)} to ${moment(notAfter)}`],
    ["Generation", generation],
    [
      "Revocation lists",
      ends.length === 0 ? String(lists.length) : `${lists.length}, the first ends ${moment(Math.min(...ends))}`,
    ],
  ];
  rows.push(["First end of what is trusted", trustEnd === undefined ? undefined : moment(trustEnd)]);
  for (const warning of warnings.slice(0, MOST_WARNINGS)) rows.push(["Warning", warning]);
  return factList("Certificate", rows);
}

function leftOf(life: Pick<Credentials, "notBefore" | "notAfter">, now: number): string {
  const { notBefore, notAfter } = life;
  switch (lifeStage(life, now)) {
    case "not-yet-valid":
      return `not valid for another ${duration(notBefore - now)}`;
    case "ended":
      return `ended ${duration(now - notAfter)} ago`;
    case "good":
    case "third":
    case "tenth":
      return notAfter - now < 2 * DAY_MS
        ? `${duration(notAfter - now)} left`
        : `${Math.floor((notAfter - now) / DAY_MS)} days left`;
  }
}

function levelOf(stage: LifeStage): "good" | "warn" | "bad" {
  switch (stage) {
    case "good":
      return "good";
    case "third":
    case "tenth":
      return "warn";
    case "not-yet-valid":
    case "ended":
      return "bad";
  }
}
