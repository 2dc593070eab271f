/** How times and numbers are written for whoever is signed in: by the profile, on every device. */
import { locale, texts } from "./texts";

let chosen = "";
/** Until it is known who reads, the browser's. */
let zone: string | undefined;

export function writeAs(profile: { formats: string; time_zone: string }): void {
  [chosen, zone] = [profile.formats, profile.time_zone];
}

/** As it was chosen; else as this browser writes the language of the page, or as that language is written. */
export function formats(): string {
  const ofBrowser = navigator.languages.find((tag) => tag.split("-")[0] === locale());
  return chosen || ofBrowser || locale();
}

export const inZone = () => ({ timeZone: zone });

/** "2026-11-02", where the reader is. */
export function dayOf(at: Date): string {
  return at.toLocaleDateString("en-CA", inZone());
}

export function number(value: number): string {
  return value.toLocaleString(formats());
}

/** "12 KB", "1.4 MB". */
export function fileSize(bytes: number): string {
  if (bytes < 1000) return texts.bytes({ count: bytes });
  if (bytes < 1_000_000) return texts.kilobytes({ count: Math.round(bytes / 1000) });
  if (bytes < 1_000_000_000) return texts.megabytes({ count: bytes / 1_000_000 });
  return texts.gigabytes({ count: bytes / 1_000_000_000 });
}
