/** What has just changed, from the server: one stream for all tabs of a browser. */
import type { QueryClient } from "@tanstack/react-query";

const NAMES = ["arrived", "changed", "account", "access", "party", "outbox", "resync"] as const;
const REOPEN_MS = 10_000;
type Name = (typeof NAMES)[number];

/** The tab that holds the lock listens; the others hear it from there. Returns what ends it. */
export function listen(queries: QueryClient): () => void {
  const channel = new BroadcastChannel("waxseal-events");
  const stop = new AbortController();
  const heard = (name: Name) => refresh(queries, name);
  channel.onmessage = (event: MessageEvent<Name>) => heard(event.data);
  void navigator.locks
    .request("waxseal-events", { signal: stop.signal }, () =>
      stream(stop.signal, (name) => {
        heard(name);
        channel.postMessage(name);
      }),
    )
    .catch(() => undefined);
  return () => {
    stop.abort();
    channel.close();
  };
}

function stream(signal: AbortSignal, heard: (name: Name) => void): Promise<void> {
  return new Promise((ended) => {
    let source: EventSource | undefined;
    let again: number | undefined;
    const open = () => {
      source = new EventSource("/api/v1/events");
      // Something may have been missed: in a break, or between what was first asked for and the first word of the stream.
      source.onopen = () => heard("resync");
      source.onerror = () => {
        // The server ends the stream with the session: look at once whether it is over.
        heard("access");
        // A refusal ends it for good; the browser comes back by itself only from a broken line.
        if (source?.readyState === EventSource.CLOSED) again = window.setTimeout(open, REOPEN_MS);
      };
      for (const name of NAMES) source.addEventListener(name, () => heard(name));
    };
    open();
    signal.addEventListener("abort", () => {
      window.clearTimeout(again);
      source?.close();
      ended();
    });
  });
}

function refresh(queries: QueryClient, name: Name) {
  const stale = (key: string) => void queries.invalidateQueries({ queryKey: [key] });
  if (name === "account") {
    stale("status");
    stale("alarms");
    return;
  }
  if (name === "outbox") {
    for (const key of ["outbox", "drafts"]) stale(key);
    return;
  }
  for (const key of ["messages", "unread", "status", "conversation", "outbox"]) stale(key);
  if (name === "party" || name === "resync")
    for (const key of ["parties", "party", "message"]) stale(key);
  if (name === "access" || name === "resync")
    for (const key of ["grants", "session", "seal", "senders", "message"]) stale(key);
}
