/**
 * Sends a letter once. From the first press to a known outcome there is one key and one body, both kept in this
 * browser; an answer that is lost is asked for again under them, by itself, also after a reload.
 */
import { api, unwrap } from "../../client";
import { bodyOf, listed, type Sending } from "./kept";
import type { Letter } from "./letter";
import { hasStatus, inTime, untilAnswered } from "./line";
import type { Saver } from "./saving";

/** The id of the message, if it was taken. */
export async function send(letter: Letter, saver: Saver): Promise<string | undefined> {
  if (letter.isLocked) return undefined;
  // A message is made of a draft, also where nothing was typed.
  if (letter.kept.version === 0 && !letter.kept.isDirty) letter.set({});
  letter.show({ phase: "sending", error: undefined });
  await saver.settled();
  // Its draft could not be saved, or somebody has thought better of it: it was never asked to go.
  if (letter.phase === "writing" || letter.stopped || letter.kept.isDirty) {
    if (letter.phase !== "done") letter.show({ phase: "writing" });
    return undefined;
  }
  const { kept } = letter;
  kept.sending = {
    key: crypto.randomUUID(),
    body: {
      ...bodyOf(kept),
      draft_id: kept.draft,
      files: listed(kept.files).map((file) => file.id),
      undo: true,
    },
  };
  await letter.keptOnDisk();
  return ask(letter, kept.sending);
}

/** Until there is an answer. A refusal says that it was not taken: it can be changed and sent anew. */
export async function ask(letter: Letter, { key, body }: Sending): Promise<string | undefined> {
  letter.show({ phase: "sending" });
  try {
    const post = () =>
      unwrap(
        api.POST("/api/v1/outbox", {
          params: { header: { "Idempotency-Key": key } },
          body,
          signal: inTime(),
        }),
      );
    const answer = await untilAnswered(letter.stop.signal, post, () =>
      letter.show({ phase: "waiting" }),
    );
    return answer?.message_id;
  } catch (error) {
    // Who is not signed in is told nothing of the outcome.
    if (hasStatus(error, 401)) {
      letter.show({ phase: "waiting" });
      return undefined;
    }
    letter.kept.sending = undefined;
    void letter.keep();
    letter.show({
      phase: "writing",
      error,
      ...(hasStatus(error, 409) ? { stopped: "sent" as const } : {}),
    });
    throw error;
  }
}

/** Within the time to undo. A message that is gone has been taken back already: by an asking whose answer was lost, or in another tab. */
export async function takeBack(message: string, draft: string): Promise<string | undefined> {
  const stop = AbortSignal.timeout(60_000);
  try {
    const answer = await untilAnswered(
      stop,
      () =>
        unwrap(
          api.DELETE("/api/v1/outbox/{id}", {
            params: { path: { id: message } },
            signal: inTime(),
          }),
        ),
      () => undefined,
    );
    return answer?.draft_id ?? undefined;
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
    return draft;
  }
}
