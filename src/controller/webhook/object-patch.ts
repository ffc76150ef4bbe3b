/** The JSON Patch (RFC 6902) that makes one object of another, by the members of `metadata` and `spec`. */
import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../../api-server/objects.ts";
import type { PatchOperation } from "./admission.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Members that do not change are not named: what another webhook has written there stays. */
export function objectPatch(before: Fields, after: Fields): readonly PatchOperation[] {
  return ["metadata", "spec"].flatMap((part) => {
    const [former, wanted] = [before[part], after[part]];
    if (isDeepStrictEqual(former, wanted)) return [];
    if (!isRecord(former) || !isRecord(wanted)) return [{ op: "add" as const, path: `/${part}`, value: wanted }];
    return [
      ...Object.keys(wanted)
        .filter((key) => !isDeepStrictEqual(former[key], wanted[key]))
        .map((key) => ({ op: "add" as const, path: pointer(part, key), value: wanted[key] })),
      ...Object.keys(former)
        .filter((key) => !Object.hasOwn(wanted, key))
        .map((key) => ({ op: "remove" as const, path: pointer(part, key) })),
    ];
  });
}

function pointer(...tokens: readonly string[]): string {
  return tokens.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
