/** One page in a real browser: what is seen of it, what a keyboard reaches, and what went wrong. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Chromium, Tab } from "./chromium.ts";

export const SCHEMES = ["light", "dark"] as const;
export type Scheme = (typeof SCHEMES)[number];

/** CSS pixels. The narrow one is that of a small telephone (WCAG 2.2, 1.4.10: 320). */
export const WIDTHS = { wide: 1280, middle: 1000, narrow: 320 } as const;
export type Width = keyof typeof WIDTHS;

const HEIGHT = 900;
const MOST_HEIGHT = 12_000;
const LOAD_MS = 30_000;
const IN_PAGE = readFileSync(join(import.meta.dirname, "in-page.js"), "utf8")
  .trim()
  .replace(/;$/, "");

export interface Focus {
  readonly place: number;
  readonly outline: string;
  readonly isOnScreen: boolean;
}

export class BrowsedPage implements AsyncDisposable {
  /** Errors of console, scripts, network and security policy. */
  readonly faults: string[];
  readonly #tab: Tab;
  readonly #loads: { next: PromiseWithResolvers<void> };

  private constructor(tab: Tab, faults: string[], loads: { next: PromiseWithResolvers<void> }) {
    this.#tab = tab;
    this.faults = faults;
    this.#loads = loads;
  }

  static async open(chromium: Chromium): Promise<BrowsedPage> {
    const faults: string[] = [];
    const loads = { next: Promise.withResolvers<void>() };
    const tab = await chromium.open((method, params) => {
      if (method === "Page.loadEventFired") loads.next.resolve();
      const fault = faultOf(method, params);
      if (fault !== undefined) faults.push(fault);
    });
    for (const domain of ["Page", "Runtime", "Log", "Network", "DOM", "Accessibility"])
      await tab.send(`${domain}.enable`);
    return new BrowsedPage(tab, faults, loads);
  }

  async look(scheme: Scheme, width: Width): Promise<void> {
    await this.#tab.send("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: scheme }],
    });
    await this.#resize(WIDTHS[width], HEIGHT);
  }

  /** Nothing of the page may need it. The debugger's own questions are still answered. */
  async withoutJavaScript(): Promise<void> {
    await this.#tab.send("Emulation.setScriptExecutionDisabled", { value: true });
  }

  async load(url: string): Promise<void> {
    await this.following(() => this.#tab.send("Page.navigate", { url }));
  }

  /** Does something that leads to another document, and waits for it. */
  async following(act: () => Promise<unknown>): Promise<void> {
    this.#loads.next = Promise.withResolvers<void>();
    const late = setTimeout(() => this.#loads.next.reject(new Error("no page came")), LOAD_MS);
    try {
      await act();
      await this.#loads.next.promise;
    } finally {
      clearTimeout(late);
    }
  }

  async ask<Result>(question: string): Promise<Result> {
    const { result, exceptionDetails } = await this.#tab.send<{
      result: { value: Result };
      exceptionDetails?: { exception?: { description?: string } };
    }>("Runtime.evaluate", { expression: `${IN_PAGE}.${question}()`, returnByValue: true });
    assert.equal(exceptionDetails, undefined, exceptionDetails?.exception?.description);
    return result.value;
  }

  async press(key: "Tab" | "Enter"): Promise<void> {
    const code = key === "Tab" ? 9 : 13;
    const about = { key, code: key, windowsVirtualKeyCode: code, ...(key === "Enter" && { text: "\r" }) };
    await this.#tab.send("Input.dispatchKeyEvent", { type: "keyDown", ...about });
    await this.#tab.send("Input.dispatchKeyEvent", { type: "keyUp", ...about });
  }

  async type(text: string): Promise<void> {
    await this.#tab.send("Input.insertText", { text });
  }

  /** Roles of what a screen reader is told, and the names of what can be focused. */
  async accessible(): Promise<
    readonly { readonly role: string; readonly name: string; readonly focusable: boolean }[]
  > {
    const { nodes } = await this.#tab.send<{ nodes: readonly AxNode[] }>("Accessibility.getFullAXTree");
    return nodes
      .filter(({ ignored }) => !ignored)
      .map(({ role, name, properties = [] }) => ({
        role: role?.value ?? "",
        name: name?.value ?? "",
        focusable: properties.some((property) => property.name === "focusable" && property.value.value === true),
      }));
  }

  async screenshot(path: string, width: Width): Promise<void> {
    const { cssContentSize } = await this.#tab.send<{ cssContentSize: { height: number } }>("Page.getLayoutMetrics");
    await this.#resize(WIDTHS[width], Math.min(MOST_HEIGHT, Math.max(HEIGHT, Math.ceil(cssContentSize.height))));
    const { data } = await this.#tab.send<{ data: string }>("Page.captureScreenshot", { format: "png" });
    await this.#resize(WIDTHS[width], HEIGHT);
    writeFileSync(path, data, "base64");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tab.close();
  }

  async #resize(width: number, height: number): Promise<void> {
    await this.#tab.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  }
}

interface AxNode {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly properties?: readonly { readonly name: string; readonly value: { readonly value: unknown } }[];
}

function faultOf(method: string, params: unknown): string | undefined {
  const about = `${method} ${JSON.stringify(params)}`;
  switch (method) {
    case "Runtime.exceptionThrown":
    case "Runtime.consoleAPICalled":
    case "Network.loadingFailed":
      return about;
    case "Log.entryAdded":
      return about;
    default:
      return undefined;
  }
}
