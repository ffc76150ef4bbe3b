/** The names that a CA may vouch for (RFC 5280 section 4.2.1.10), as far as a principal's name can be held against them. */
import type { San } from "../../policy/decision.ts";
import { readChildren, readElement, TAG, type Element } from "./der.ts";
import { findExtension } from "./extension.ts";

const NAME_CONSTRAINTS = "2.5.29.30";
const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;

export interface NameConstraints {
  readonly permitted: readonly San[];
  readonly excluded: readonly San[];
  /** It speaks of other kinds of names too, which are not judged here. */
  readonly others: boolean;
}

/** @throws RangeError for what cannot be read */
export function nameConstraintsOf(der: Uint8Array): NameConstraints | undefined {
  const extension = findExtension(der, NAME_CONSTRAINTS);
  if (extension === undefined) return undefined;
  const subtrees = readChildren(der, readElement(der, extension.start, extension.end));
  const bases = (tag: number): readonly Element[] =>
    subtrees
      .filter((one) => one.tag === tag)
      .flatMap((one) => readChildren(der, one).map((subtree) => readChildren(der, subtree)[0]!));
  const [permitted, excluded] = [bases(PERMITTED), bases(EXCLUDED)];
  return {
    permitted: permitted.flatMap((base) => sanOf(der, base) ?? []),
    excluded: excluded.flatMap((base) => sanOf(der, base) ?? []),
    others: [...permitted, ...excluded].some((base) => sanOf(der, base) === undefined),
  };
}

function sanOf(der: Uint8Array, { tag, start, end }: Element): San | undefined {
  if (tag !== TAG.dnsName && tag !== TAG.uri) return undefined;
  const value = Buffer.from(der.subarray(start, end)).toString("latin1");
  return { type: tag === TAG.uri ? "uri" : "dns", value };
}

export function permitsNames({ permitted, excluded }: NameConstraints, names: readonly San[]): boolean {
  return names.every((name) => {
    const ofKind = permitted.filter(({ type }) => type === name.type);
    if (excluded.some((base) => base.type === name.type && isWithin(name, base))) return false;
    return ofKind.length === 0 || ofKind.some((base) => isWithin(name, base));
  });
}

/** A DNS name is within itself and every name above; a host of a URI within itself, or with a leading dot in all below. */
function isWithin(name: San, base: San): boolean {
  const wanted = base.value.toLowerCase();
  const host = (name.type === "dns" ? name.value : hostOf(name.value)).toLowerCase();
  if (wanted === "") return true;
  if (wanted.startsWith(".")) return host.endsWith(wanted);
  return host === wanted || (name.type === "dns" && host.endsWith(`.${wanted}`));
}

function hostOf(uri: string): string {
  return /^[^:]+:\/\/(?:[^/?#@]*@)?([^/?#:]*)/.exec(uri)?.[1] ?? "";
}
