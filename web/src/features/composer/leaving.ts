/** Signing out takes along what is not on the server yet, of all tabs, and leaves nothing in this browser. */
import { api, unwrap } from "../../client";
import { Copies, eraseAll, LOCKS } from "./copies";
import { bodyOf, type Kept } from "./kept";
import { hasStatus, inTime } from "./line";

const CHANNEL = "waxseal-signed-out";
/** So long another tab may take to put what was typed there into the store of the browser. */
const KEEP_MS = 2_000;

/** What tabs say to one another: keep what is typed; it is kept; this person has signed out. */
type Said = { says: "keep" } | { says: "kept" } | { says: "left"; isAllSaved: boolean };

/** True: all of it is on the server. */
export async function saveAll(user: string): Promise<boolean> {
  await keptInAllTabs();
  const copies = await (await Copies.of(user)).list();
  const unsaved = copies.filter(({ kept }) => kept.isDirty || kept.sending);
  // Of whom a letter is, or whether it has gone, may not be known yet: such a one stays where it is.
  const known = unsaved.filter(({ kept }) => kept.form.account_id && !kept.sending);
  const saved = await Promise.allSettled(known.map(({ kept }) => save(kept)));
  return known.length === unsaved.length && saved.every(({ status }) => status === "fulfilled");
}

/** Each tab that has a letter open is asked, this one too. */
async function keptInAllTabs(): Promise<void> {
  const { held = [] } = await navigator.locks.query();
  const tabs = new Set(
    held.filter(({ name }) => name?.startsWith(LOCKS)).map(({ clientId }) => clientId),
  );
  if (tabs.size === 0) return;
  const channel = new BroadcastChannel(CHANNEL);
  await new Promise<void>((done) => {
    let answers = 0;
    window.setTimeout(done, KEEP_MS);
    channel.onmessage = ({ data }: MessageEvent<Said>) => {
      if (data.says === "kept" && (answers += 1) >= tabs.size) done();
    };
    say(channel, { says: "keep" });
  });
  channel.close();
}

function say(channel: BroadcastChannel, said: Said): void {
  channel.postMessage(said);
}

/** Beside what another tab has saved meanwhile, not over it. */
async function save(kept: Kept): Promise<void> {
  const body = { ...bodyOf(kept), over: [kept.version, ...kept.attempts] };
  try {
    if (kept.version === 0)
      await unwrap(
        api.POST("/api/v1/drafts", { body: { ...body, id: kept.draft }, signal: inTime() }),
      );
    else
      await unwrap(
        api.PUT("/api/v1/drafts/{id}", {
          params: { path: { id: kept.draft } },
          body,
          signal: inTime(),
        }),
      );
  } catch (error) {
    if (!hasStatus(error, 409) && !hasStatus(error, 404)) throw error;
    await unwrap(api.POST("/api/v1/drafts", { body: bodyOf(kept), signal: inTime() }));
  }
}

/** What could not be saved stays, sealed, for the same person. */
export async function leave(isAllSaved: boolean): Promise<void> {
  if (isAllSaved) await eraseAll().catch(() => undefined);
  const channel = new BroadcastChannel(CHANNEL);
  say(channel, { says: "left", isAllSaved });
  channel.close();
}

/** A tab of this browser signs out, and has. Returns what ends it. */
export function onLeave(
  keep: () => Promise<void>,
  left: (isAllSaved: boolean) => void,
): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<Said>) => {
    if (data.says === "keep") void keep().then(() => say(channel, { says: "kept" }));
    else if (data.says === "left") left(data.isAllSaved);
  };
  return () => channel.close();
}
