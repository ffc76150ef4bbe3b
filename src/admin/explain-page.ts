/**
 * `/explain?port=80&from=10.0.0.1[&tls=true[&sni=NAME][&san=dns:NAME]...[&no-cert=true]]`: the verdict by what is in force, as
 * JSON, and as a page to whoever asks for HTML.
 */
import { explain } from "../policy/explain/explain.ts";
import { QUESTION_NAMES, readPeerQuestion } from "../policy/explain/question.ts";
import type { ServiceState } from "../policy/service-state.ts";
import { readParameters } from "./parameters.ts";
import type { Page } from "./page.ts";
import { explainDocument, type Answer } from "./status-page/explain-answer.ts";
import { portsToAsk } from "./status-page/explain-form.ts";

/** @param forPeople as HTML; then a field that was left empty counts as not filled in */
export function explainPage(state: ServiceState, query: URLSearchParams, forPeople: boolean): Page {
  const asked = forPeople ? new URLSearchParams([...query].filter(([, text]) => text !== "")) : query;
  const answer = answerTo(state, asked);
  const status = answer.kind === "misread" ? 400 : 200;
  if (forPeople) return { status, ...explainDocument(answer, asked, portsToAsk(state)) };
  const body = answer.kind === "misread" ? { problems: answer.problems } : answer.explanation;
  return { status, body, headers: { vary: "accept" } };
}

function answerTo(state: ServiceState, query: URLSearchParams): Answer {
  const { values, problems } = readParameters(query, QUESTION_NAMES, ["san"]);
  const question = readPeerQuestion(values, { name: (name) => name, on: (name) => `${name}=true` });
  if ("problems" in question) return { kind: "misread", problems: [...problems, ...question.problems] };
  if (problems.length > 0) return { kind: "misread", problems };
  return { kind: "explained", explanation: explain(state, question.port, question.peer) };
}
