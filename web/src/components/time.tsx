/** Times as people say them, the exact one on hover and for screen readers; all in the zone of whoever reads. */
import { useEffect, useState } from "react";
import { dayOf, formats, inZone } from "../formats";
import { locale, texts } from "../texts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function shortTime(at: Date, now: Date): string {
  const age = now.getTime() - at.getTime();
  if (age < MINUTE) return texts.now;
  if (age < HOUR) return texts.minutes({ count: Math.floor(age / MINUTE) });
  if (dayOf(at) === dayOf(now)) return clock(at);
  if (dayOf(at) === dayOf(new Date(now.getTime() - DAY))) return texts.yesterday;
  if (age < 6 * DAY) return at.toLocaleDateString(formats(), { weekday: "short", ...inZone() });
  const isOfThisYear = dayOf(at).slice(0, 4) === dayOf(now).slice(0, 4);
  return at.toLocaleDateString(formats(), {
    day: "numeric",
    month: "short",
    ...(isOfThisYear ? {} : { year: "numeric" }),
    ...inZone(),
  });
}

function clock(at: Date): string {
  const shape = { hour: "2-digit", minute: "2-digit", hour12: false, ...inZone() } as const;
  return at.toLocaleTimeString(formats(), shape);
}

function longTime(at: Date, now: Date): string {
  const exact = Math.round((at.getTime() - now.getTime()) / 1000);
  // The page's clock ticks slowly: what has just happened is not in the future.
  const seconds = exact > 0 && exact < 60 ? 0 : exact;
  const format = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  const size = Math.abs(seconds);
  if (size < 60) return format.format(seconds, "second");
  if (size < 3600) return format.format(Math.round(seconds / 60), "minute");
  if (size < 86_400) return format.format(Math.round(seconds / 3600), "hour");
  return format.format(Math.round(seconds / 86_400), "day");
}

/** How long something takes: "40 s", "6 min", "2 h". */
export function span(seconds: number): string {
  if (seconds < 90) return texts.seconds({ count: Math.round(seconds) });
  if (seconds < 90 * 60) return texts.minutes({ count: Math.round(seconds / 60) });
  return texts.hours({ count: Math.round(seconds / 3600) });
}

export function exactTime(at: Date): string {
  return at.toLocaleString(formats(), { dateStyle: "medium", timeStyle: "long", ...inZone() });
}

/** A day of the calendar, as it was chosen: it is the same in every zone. */
export function calendarDay(day: string): string {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString(formats(), {
    dateStyle: "medium",
    timeZone: "UTC",
  });
}

/** The day of a moment, where the reader is. */
export function dayAt(at: string): string {
  return calendarDay(dayOf(new Date(at)));
}

const OFTEN = 1_000;
const SELDOM = 20_000;

/** So that "4 min" becomes "5 min" by itself, and "2 seconds ago" goes on counting. */
function useNow(at: Date, long: boolean): Date {
  const [now, setNow] = useState(() => new Date());
  const every = long && Math.abs(now.getTime() - at.getTime()) < MINUTE ? OFTEN : SELDOM;
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), every);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function Time({ at, long = false }: { at: string; long?: boolean }) {
  const date = new Date(at);
  const now = useNow(date, long);
  return (
    <time dateTime={at} title={exactTime(date)}>
      {long ? longTime(date, now) : shortTime(date, now)}
    </time>
  );
}
