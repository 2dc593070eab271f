/** Which language the page speaks: that of the profile, once it is known; until then what was spoken here last. */
import { LANGUAGES, language, type Language, speak } from "./texts";

const KEY = "waxseal-language";

const isKnown = (tag: string): tag is Language =>
  tag in LANGUAGES || tag === "pseudo" || tag === "mirrored";

/** Before anything is drawn. */
export function begin(): Promise<void> {
  return speak(spoken(localStorage.getItem(KEY) ?? ""));
}

function spoken(wanted: string): Language {
  const tags = [wanted, ...navigator.languages.map((tag) => tag.split("-")[0] ?? "")];
  return tags.find(isKnown) ?? "en";
}

/** The page comes again where another language is to be spoken; what is being written is kept meanwhile. */
export function follow(wanted: string): void {
  if (spoken(wanted) === language || isTried()) return;
  localStorage.setItem(KEY, wanted);
  location.reload();
}

/** What only tests choose is not the profile's to change. */
const isTried = () => language === "pseudo" || language === "mirrored";
