/**
 * `npm run test:browser`: the status page of real sidecars in Debian's chromium, headless, without JavaScript: texts, faults,
 * contrast in both colour schemes, width, keyboard, what a screen reader is told. Screenshots go to test/browser/results. Where
 * chromium is not installed and cannot be, a line says so and nothing fails. `-- serving stale` looks at these states alone.
 */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { startApplication } from "../support/application/application.ts";
import { oneOf, readArguments } from "../support/command-line.ts";
import { installed, installPackages } from "../support/debian-packages.ts";
import { endProcessAfter } from "../support/limits/end-process.ts";
import { TestMesh } from "../support/mesh/mesh.ts";
import { BrowsedPage, SCHEMES, WIDTHS, type Focus, type Width } from "./browsed-page.ts";
import { Chromium } from "./chromium.ts";
import { HOSTILE_NAME, STATE_NAMES, states, type State } from "./states.ts";

const LIMIT_MS = 10 * 60_000;
const RESULTS = join(import.meta.dirname, "results");

const HELP = `npm run test:browser -- [STATE...]

The status page of real sidecars in chromium; screenshots go to test/browser/results. States: ${STATE_NAMES.join(", ")}.
`;

async function checkState(page: BrowsedPage, state: State): Promise<void> {
  await using sidecar = await state.start();
  const url = `http://127.0.0.1:${sidecar.adminPort}/`;
  for (const scheme of SCHEMES)
    for (const width of Object.keys(WIDTHS) as Width[]) {
      await page.look(scheme, width);
      await page.load(url);
      await checkTexts(page, state.texts);
      await checkLook(page, `${state.name} ${scheme} ${width}`);
      await keep(page, `${state.name}-${scheme}-${width}`, width);
    }
  await checkKeyboard(page);
  await checkAccessible(page);
  if (state.name === "serving") {
    assert.ok((await page.ask<string>("text")).includes(HOSTILE_NAME), "a name with markup is shown as it is");
    await checkExplanations(page, url);
  }
  assert.deepEqual(page.faults, [], "no error of console, network or security policy");
}

async function keep(page: BrowsedPage, name: string, width: Width): Promise<void> {
  const path = join(RESULTS, `${name}.png`);
  await page.screenshot(path, width);
  console.log(`  ${relative(process.cwd(), path)}`);
}

/** In order, each behind the one before. */
async function checkTexts(page: BrowsedPage, texts: readonly RegExp[]): Promise<void> {
  let rest = await page.ask<string>("text");
  for (const text of texts) {
    const found = text.exec(rest);
    assert.ok(found, `the page says ${text}; it says:\n${rest}`);
    rest = rest.slice(found.index);
  }
}

async function checkLook(page: BrowsedPage, where: string): Promise<void> {
  const { looked, found } = await page.ask<{ looked: number; found: readonly string[] }>("lowContrast");
  assert.ok(looked > 30, `${where}: ${looked} colours were looked at`);
  assert.deepEqual(found, [], `${where}: contrast`);
  assert.deepEqual(await page.ask("tooWide"), [], `${where}: nothing stands out of the screen`);
  assert.deepEqual(
    await page.ask("foreign"),
    { scripts: 0, loaded: [], handlers: 0 },
    `${where}: nothing is loaded or run`,
  );
}

/** Tab leads to every link and field, in the order of the document, and each can be seen to have the focus. */
async function checkKeyboard(page: BrowsedPage): Promise<void> {
  const reachable = await page.ask<readonly string[]>("reachable");
  assert.ok(reachable.length > 10, "there are links and fields");
  for (const [place, what] of reachable.entries()) {
    await page.press("Tab");
    const focus = await page.ask<Focus | undefined>("focus");
    assert.equal(focus?.place, place, `Tab leads to ${what}`);
    assert.match(focus.outline, /^solid 3px /, `the focus of ${what} is visible`);
    assert.ok(focus.isOnScreen, `${what} is scrolled to`);
  }
}

async function checkAccessible(page: BrowsedPage): Promise<void> {
  const nodes = await page.accessible();
  const roles = new Set(nodes.map(({ role }) => role));
  for (const role of ["heading", "table", "rowheader", "columnheader", "main", "navigation", "form"])
    assert.ok(roles.has(role), `a screen reader is told of a ${role}; there are ${[...roles].join(", ")}`);
  const nameless = nodes.filter(({ focusable, name }) => focusable && name === "").map(({ role }) => role);
  assert.deepEqual(nameless, [], "all that takes the focus has a name");
}

/** A link of a refusal, and the form by the keyboard alone. */
async function checkExplanations(page: BrowsedPage, url: string): Promise<void> {
  const goTo = async (what: RegExp): Promise<void> => {
    const reachable = await page.ask<readonly string[]>("reachable");
    const place = reachable.findIndex((text) => what.test(text));
    assert.ok(place >= 0, `there is ${what}: ${reachable.join("; ")}`);
    for (let at = -1; at < place; at += 1) await page.press("Tab");
  };
  await page.load(url);
  await goTo(/^A\s+explain$/);
  await page.following(() => page.press("Enter"));
  await checkTexts(page, [/Refused: /, /Verdict/, /Nearest miss/, /Explain/]);
  for (const scheme of SCHEMES) {
    await page.look(scheme, "narrow");
    await checkLook(page, `an explanation, ${scheme}`);
    await keep(page, `explanation-${scheme}-narrow`, "narrow");
  }
  await page.load(url);
  await goTo(/^INPUT from/);
  await page.type("127.0.0.2");
  await page.following(() => page.press("Enter"));
  await checkTexts(page, [/Let in/, /port 80 from 127\.0\.0\.2/, /forward/, /IPRange 127\.0\.0\.0\/29/]);
  await checkLook(page, "an explanation");
}

const wanted = readArguments(HELP, (args) =>
  parseArgs({ args: [...args], options: {}, allowPositionals: true }).positionals.map((name) =>
    oneOf("a state", name, STATE_NAMES),
  ),
);
endProcessAfter(LIMIT_MS, "the browser's tests");
installPackages((line) => console.log(line), { chromium: "chromium" });
if (!installed("chromium")) {
  console.log("chromium is not installed and cannot be: the status page is not looked at in a browser");
} else {
  mkdirSync(RESULTS, { recursive: true });
  await using application = await startApplication();
  const mesh = await TestMesh.create();
  await using chromium = new Chromium();
  for (const state of states(application, mesh)) {
    if (wanted.length > 0 && !wanted.includes(state.name)) continue;
    console.log(state.name);
    await using page = await BrowsedPage.open(chromium);
    await page.withoutJavaScript();
    await checkState(page, state);
  }
  console.log("the status page is good in all of them");
}
