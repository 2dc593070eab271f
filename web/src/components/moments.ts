/** Times as a calendar file tells them: by a clock on a wall, which hangs in a place or wherever one is. */
import type { Schemas } from "../client";
import { formats } from "../formats";

type Moment = Schemas["MomentView"];
const DAY_MS = 86_400_000;

/** "Mon, 2 Nov 2026, 10:00 - 11:30 (Europe/Berlin)"; what is in UTC is told by the reader's own clock. */
export function between(starts: Moment, ends?: Moment): string {
  const from = parse(starts);
  if (isWholeDay(starts)) {
    const last = ends && isWholeDay(ends) ? new Date(parse(ends).getTime() - DAY_MS) : from;
    const days = last > from ? [from, last] : [from];
    return days.map(day).join(" - ");
  }
  const zone = starts.zone && !isUtc(starts) ? ` (${starts.zone})` : "";
  const start = `${day(from)}, ${hour(from)}`;
  if (!ends || isWholeDay(ends)) return start + zone;
  const to = parse(ends);
  const end = to.toDateString() === from.toDateString() ? hour(to) : `${day(to)}, ${hour(to)}`;
  const endZone = ends.zone !== starts.zone && ends.zone && !isUtc(ends) ? ` (${ends.zone})` : "";
  return `${start}${endZone ? zone : ""} - ${end}${endZone || zone}`;
}

const isUtc = (moment: Moment) => moment.zone === "UTC" || moment.zone === "Etc/UTC";
const isWholeDay = (moment: Moment) => moment.at.length === 10;

/** A date without a time is of one's own day; a time of another place is written as it is there. */
function parse(moment: Moment): Date {
  if (isWholeDay(moment)) return new Date(`${moment.at}T00:00:00`);
  return new Date(isUtc(moment) ? `${moment.at}Z` : moment.at);
}

const day = (at: Date) =>
  at.toLocaleDateString(formats(), {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
  });
const hour = (at: Date) =>
  at.toLocaleTimeString(formats(), {
    hour: "2-digit",
    minute: "2-digit",
    hour12: false,
  });
