/**
 * Log lines as JSON text, put together byte by byte: joined strings cost a multiple, when they are made and when they are
 * handed on. Strings are escaped as JSON.stringify does it; no text can end its own value or its line.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
/** Longest text of a number (ECMA-262, Number::toString). */
const NUMBER_SIZE = 32;

export class LineText {
  #bytes: Buffer;
  /** End of the last whole line, and of what was written. */
  #whole = 0;
  #end = 0;

  /** @param size in bytes, to begin with */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Bytes of the whole lines. */
  get size(): number {
    return this.#whole;
  }

  /** Whatever was written since the last line's end is given up. */
  beginLine(): void {
    this.#end = this.#whole;
  }

  endLine(): void {
    this.#whole = this.#end;
  }

  /** @returns the whole lines, and forgets them */
  take(): string {
    const text = this.#bytes.toString("utf8", 0, this.#whole);
    this.#whole = 0;
    this.#end = 0;
    return text;
  }

  /** @param json of this program: ASCII, and not escaped */
  literal(json: string): this {
    const { length } = json;
    this.#reserve(length);
    const bytes = this.#bytes;
    let end = this.#end;
    for (let index = 0; index < length; index += 1) bytes[end++] = json.charCodeAt(index);
    this.#end = end;
    return this;
  }

  /** @param json as UTF-8 */
  bytes(json: Uint8Array): this {
    this.#reserve(json.length);
    this.#bytes.set(json, this.#end);
    this.#end += json.length;
    return this;
  }

  /** A string, in quotes. */
  string(text: string): this {
    const { length } = text;
    this.#reserve(length + 2);
    const bytes = this.#bytes;
    const start = this.#end;
    let end = start;
    bytes[end++] = QUOTE;
    for (let index = 0; index < length; index += 1) {
      const code = text.charCodeAt(index);
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return this.#escaped(text);
      bytes[end++] = code;
    }
    bytes[end++] = QUOTE;
    this.#end = end;
    return this;
  }

  /** @param value finite */
  number(value: number): this {
    this.#reserve(NUMBER_SIZE);
    const thousandths = Math.round(value * 1000);
    if (value < 0 || value >= 1_000_000 || thousandths / 1000 !== value) return this.literal(`${value}`);
    const whole = Math.floor(thousandths / 1000);
    this.#digits(whole, whole < 10 ? 1 : whole < 100 ? 2 : whole < 1000 ? 3 : `${whole}`.length);
    let fraction = thousandths - whole * 1000;
    if (fraction === 0) return this;
    let places = 3;
    while (fraction % 10 === 0) {
      fraction /= 10;
      places -= 1;
    }
    this.#bytes[this.#end++] = 0x2e;
    this.#digits(fraction, places);
    return this;
  }

  /** `,"name":"text"`, or nothing where there is no text. */
  stringField(name: string, text: string | undefined): this {
    return text === undefined ? this : this.literal(name).string(text);
  }

  /** `,"name":1`, or nothing where there is no number. */
  numberField(name: string, value: number | undefined): this {
    return value === undefined ? this : this.literal(name).number(value);
  }

  /** `,"name":["text"]`, or nothing where there is no list. */
  listField(name: string, texts: readonly string[] | undefined): this {
    if (texts === undefined) return this;
    this.literal(name).literal("[");
    for (const [index, text] of texts.entries()) this.literal(index === 0 ? "" : ",").string(text);
    return this.literal("]");
  }

  #escaped(text: string): this {
    const json = JSON.stringify(text);
    this.#reserve(json.length * 3);
    this.#end += this.#bytes.write(json, this.#end, "utf8");
    return this;
  }

  #digits(value: number, places: number): void {
    let rest = value;
    for (let place = this.#end + places - 1; place >= this.#end; place -= 1) {
      const tenth = Math.floor(rest / 10);
      this.#bytes[place] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.#end += places;
  }

  #reserve(size: number): void {
    const needed = this.#end + size;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(needed * 2);
    larger.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = larger;
  }
}
