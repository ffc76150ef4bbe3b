/*
 * Asked inside the page, by the debugger: what only a browser knows. An expression whose value is an object of questions.
 */
// oxlint-disable-next-line no-unused-expressions -- the debugger takes its value
({
  /** Texts of the page as they are shown. */
  text: () => document.body.innerText,

  /** Where it is wider than the screen: the elements that stand out. */
  tooWide: () => {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.body.querySelectorAll("*")]
      .filter((element) => element.getBoundingClientRect().right > width + 1)
      .map((element) => `${element.tagName} ${element.textContent.trim().slice(0, 60)}`)
      .slice(0, 10);
  },

  /** Texts, placeholders, fields and their colours whose contrast is below that of WCAG 2.2 AA (1.4.3: 4.5; 1.4.11: 3). */
  lowContrast: () => {
    const channels = (colour) => (/rgba?\(([^)]+)\)/.exec(colour)?.[1] ?? "0,0,0,0").split(/[ ,/]+/).map(Number);
    const linear = (channel) => {
      const share = channel / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    const luminance = (colour) => {
      const [red, green, blue] = channels(colour).map(linear);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (one, other) => {
      const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
      return (light + 0.05) / (dark + 0.05);
    };
    const isOpaque = (colour) => (channels(colour)[3] ?? 1) === 1;
    const behind = (element) => {
      for (let at = element; at !== null; at = at.parentElement) {
        const { backgroundColor } = getComputedStyle(at);
        if (isOpaque(backgroundColor)) return backgroundColor;
        if ((channels(backgroundColor)[3] ?? 1) !== 0) return "translucent";
      }
      return "nothing";
    };
    const found = [];
    let looked = 0;
    const check = (what, colour, background, least) => {
      looked += 1;
      const is = isOpaque(colour) && background.startsWith("rgb") ? contrast(colour, background) : 0;
      if (is < least) found.push(`${what}: ${colour} on ${background} is ${is.toFixed(2)}, expected ${least}`);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { data, parentElement } = texts.currentNode;
      if (data.trim() === "" || !parentElement.checkVisibility()) continue;
      check(data.trim().slice(0, 40), getComputedStyle(parentElement).color, behind(parentElement), 4.5);
    }
    for (const element of document.querySelectorAll("[data-label]")) {
      const label = getComputedStyle(element, "::before");
      if (label.content !== "none") check(element.dataset.label, label.color, behind(element), 4.5);
    }
    for (const field of document.querySelectorAll("input, select, button")) {
      const style = getComputedStyle(field);
      check(`field ${field.name}`, style.color, behind(field), 4.5);
      if (field.placeholder)
        check(field.placeholder, getComputedStyle(field, "::placeholder").color, behind(field), 4.5);
      check(`border of ${field.name}`, style.borderTopColor, behind(field.parentElement), 3);
    }
    for (const element of document.querySelectorAll("a")) {
      // What focus will be drawn with.
      check("outline", getComputedStyle(element).color, behind(element), 3);
    }
    return { looked, found };
  },

  /** All that a keyboard has to reach, in the order of the document. */
  reachable: () =>
    [...document.querySelectorAll("a[href], input, select, button")].map((element, index) => {
      element.dataset.place = String(index);
      return `${element.tagName} ${element.name ?? ""} ${element.textContent.trim().slice(0, 30)}`;
    }),

  /** Where the focus is: the place among the reachable, and whether it can be seen. */
  focus: () => {
    const { activeElement } = document;
    const place = activeElement?.dataset.place;
    if (place === undefined) return undefined;
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(activeElement);
    const box = activeElement.getBoundingClientRect();
    const isOnScreen = box.bottom > 0 && box.top < innerHeight;
    return { place: Number(place), outline: `${outlineStyle} ${outlineWidth} ${outlineColor}`, isOnScreen };
  },

  foreign: () => ({
    scripts: document.scripts.length,
    loaded: performance.getEntriesByType("resource").map(({ name }) => name),
    handlers: [...document.querySelectorAll("*")].filter((element) =>
      element.getAttributeNames().some((name) => name.startsWith("on")),
    ).length,
  }),
});
