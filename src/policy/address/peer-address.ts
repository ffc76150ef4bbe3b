/** The address of one peer, read from its text once: whoever compares it compares words. */
import { readAddress, type Family, type Words } from "./address.ts";

/** Made by `peerAddress` alone: text that was not read cannot be taken for one. */
export interface PeerAddress {
  /** As policies write it: an IPv4-mapped address is the IPv4 address. */
  readonly text: string;
  /** `0`: the text is no address, and in no set. */
  readonly family: Family;
  readonly words: Words;
}

const MAPPED = "::ffff:";

/** @param text as a socket gives it; `undefined` when the peer has already gone */
export function peerAddress(text: string): PeerAddress;
export function peerAddress(text: string | undefined): PeerAddress | undefined;
export function peerAddress(text: string | undefined): PeerAddress | undefined {
  if (text === undefined) return undefined;
  const words = new Uint32Array(4);
  const family = readAddress(text, words);
  return { text: family === 4 && text.startsWith(MAPPED) ? dotted(words[0]!) : text, family, words };
}

function dotted(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}
