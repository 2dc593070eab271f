/** English made longer and accented, for pictures: what is cut, too narrow or outside the catalogue is seen at once. */
import type { Translation } from "../texts";

const ACCENTS: Record<string, string> = { a: "à", e: "é", i: "î", o: "ö", u: "ü", n: "ñ", c: "ç" };

export function pseudo<Messages extends object>(messages: Messages): Translation {
  return Object.fromEntries(
    Object.entries(messages).map(([key, message]) => [
      key,
      typeof message === "string" ? longer(message) : pseudo(message as object),
    ]),
  ) as unknown as Translation;
}

/** Half as long again; what stands in braces stays. */
function longer(message: string): string {
  const words = message.split(/(\{.*\}|'[^']*')/);
  const accented = words.map((part, at) => (at % 2 ? part : accent(part))).join("");
  return `[${accented}${"~".repeat(Math.ceil(message.length / 2))}]`;
}

const accent = (text: string) => text.replace(/[aeiounc]/g, (letter) => ACCENTS[letter] ?? letter);
