/** Elements of SVG and HTML as text, written so that both an XML and an HTML parser read them. */

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

export type Attributes = Readonly<Record<string, string | number>>;

/** @param children markup already: texts go through `escaped` */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(textOf(value))}"`);
  const open = `<${name}${written.join("")}`;
  return children.length === 0 ? `${open}/>` : `${open}>${children.join("")}</${name}>`;
}

/** Less than a hundredth of a pixel cannot be seen. */
function textOf(value: string | number): string {
  return typeof value === "string" ? value : String(Number(value.toFixed(2)));
}
