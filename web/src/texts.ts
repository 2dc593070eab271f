/**
 * The texts of the interface in the language of whoever reads it: `texts.inbox`, and with something in it
 * `texts.added({ name })`. The language is chosen before anything is drawn ({@link speak}); another one comes with a
 * reload, so that every module may take its texts when it is loaded.
 */
import { IntlMessageFormat } from "intl-messageformat";
import { english } from "./languages/en";

type Value = string | number | null | undefined;
/** What stands in braces: `{name}`, `{count, plural, ...}`. */
type Names<Message> = Message extends `${string}{${infer Rest}`
  ? (Rest extends `${infer Name}${"}" | ","}${string}` ? Word<Head<Name>> : never) | Names<Rest>
  : never;
type Head<Name> = Name extends `${infer First}${"}" | "," | "{"}${string}` ? Head<First> : Name;
type Word<Name> = Name extends "" | `${string}${" " | "#" | "." | "'"}${string}` ? never : Name;

type Text<Message extends string> = [Names<Message>] extends [never]
  ? string
  : (values: Record<Names<Message> & string, Value>) => string;
/** A group is asked by what the server says, which may be more than is known here. */
type Group<Of> = Record<string, Text<Of[keyof Of] & string> | undefined>;
export type Texts = {
  [Key in keyof typeof english]: (typeof english)[Key] extends string
    ? Text<(typeof english)[Key]>
    : Group<(typeof english)[Key]>;
};
/** The same keys in another language. */
export type Translation = {
  [Key in keyof typeof english]: (typeof english)[Key] extends string
    ? string
    : Record<keyof (typeof english)[Key], string>;
};

/** By their codes, each in its own words. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES | "pseudo" | "mirrored";

export let language: Language = "en";
export let texts: Texts = made(english, "en");

/** From here on; its words are loaded alone. */
export async function speak(wanted: Language): Promise<void> {
  language = wanted;
  document.documentElement.lang = locale();
  document.documentElement.dir = wanted === "mirrored" ? "rtl" : "ltr";
  if (wanted === "de") texts = made((await import("./languages/de")).german, "de");
  if (wanted === "pseudo" || wanted === "mirrored") {
    const { pseudo } = await import("./languages/pseudo");
    texts = made(pseudo(english), "en");
  }
}

/** For numbers and plurals. */
export function locale(): string {
  return language === "de" ? "de" : "en";
}

function made(messages: Translation, of: string): Texts {
  const group = (from: Record<string, string | Record<string, string>>): unknown =>
    Object.fromEntries(
      Object.entries(from).map(([key, message]) => [
        key,
        typeof message === "string" ? text(message, of) : group(message),
      ]),
    );
  return group(messages) as Texts;
}

/** Read when it is first said. */
function text(message: string, of: string): string | ((values: Record<string, Value>) => string) {
  if (!message.includes("{")) return message;
  const isWhole = !message.replace(/'\{[^']*'/g, "").includes("{");
  if (isWhole) return String(new IntlMessageFormat(message, of).format());
  let format: IntlMessageFormat | undefined;
  return (values) => {
    format ??= new IntlMessageFormat(message, of, undefined, { ignoreTag: true });
    return String(format.format(values));
  };
}
