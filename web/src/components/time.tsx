/** Times as people say them, the exact one on hover and for screen readers. */
import { useEffect, useState } from "react";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const LANGUAGE_KEY = "waxseal-dates";

/** The language that dates are written in; empty: the browser's. */
export function datesLanguage(): string {
  return localStorage.getItem(LANGUAGE_KEY) ?? "";
}

export function setDatesLanguage(language: string) {
  if (language) localStorage.setItem(LANGUAGE_KEY, language);
  else localStorage.removeItem(LANGUAGE_KEY);
}

const language = () => datesLanguage() || undefined;

export function shortTime(at: Date, now: Date): string {
  const age = now.getTime() - at.getTime();
  if (age < MINUTE) return "now";
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min`;
  if (at.toDateString() === now.toDateString()) {
    return at.toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit", hour12: false });
  }
  if (at.toDateString() === new Date(now.getTime() - DAY).toDateString()) return "Yesterday";
  if (age < 6 * DAY) return at.toLocaleDateString(language(), { weekday: "short" });
  const sameYear = at.getFullYear() === now.getFullYear();
  return at.toLocaleDateString(language(), { day: "numeric", month: "short", ...(sameYear ? {} : { year: "numeric" }) });
}

export function longTime(at: Date, now: Date): string {
  const exact = Math.round((at.getTime() - now.getTime()) / 1000);
  // The page's clock ticks slowly: what has just happened is not in the future.
  const seconds = exact > 0 && exact < 60 ? 0 : exact;
  const format = new Intl.RelativeTimeFormat(datesLanguage() || "en", { numeric: "auto" });
  const size = Math.abs(seconds);
  if (size < 60) return format.format(seconds, "second");
  if (size < 3600) return format.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return format.format(Math.round(seconds / 3600), "hour");
  return format.format(Math.round(seconds / 86_400), "day");
}

/** How long something takes: "40 s", "6 min", "2 h". */
export function span(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function exactTime(at: Date): string {
  return at.toLocaleString(language(), { dateStyle: "medium", timeStyle: "long" });
}

/** The current minute, so that "4 min" becomes "5 min" by itself. */
function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 20_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function Time({ at, long = false }: { at: string; long?: boolean }) {
  const now = useNow();
  const date = new Date(at);
  return (
    <time dateTime={at} title={exactTime(date)}>
      {long ? longTime(date, now) : shortTime(date, now)}
    </time>
  );
}
