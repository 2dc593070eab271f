/**
 * A letter goes to the server by itself: within a second of a change, again after a failure, at once when its page is
 * hidden. It is saved over what this letter has seen, and over nothing else.
 */
import { ApiProblem, api, type Schemas, unwrap } from "../../client";
import type { Letter } from "./letter";
import { bodyOf } from "./kept";
import { hasStatus, inTime, isLineFault, pause } from "./line";

const SAVE_AFTER_MS = 600;
/** What a browser still takes along when its page goes. */
const KEEPALIVE_BYTES = 60_000;

export class Saver {
  private timer?: number;
  private failures = 0;
  /** What is heard of an earlier one decides nothing. */
  private latest = 0;
  private isAsking = false;
  /** Somebody waits for what was changed meanwhile. */
  private isUrgent = false;
  private tried?: { version: number; changes: number };

  constructor(
    private readonly letter: Letter,
    /** Not found, or not signed in: somebody has to look why. */
    private readonly lost: (error: ApiProblem) => void,
  ) {
    letter.onChange = () => this.later();
    if (letter.kept.isDirty) this.later();
  }

  later(): void {
    this.timer ??= window.setTimeout(() => void this.now(), SAVE_AFTER_MS);
  }

  /** The page is being hidden, and may not come back. */
  flush(): void {
    if (this.letter.kept.isDirty) void this.now(true);
  }

  /** Resolves when the server has it, or will not take it. */
  async settled(): Promise<void> {
    if (this.letter.kept.isDirty) void this.now();
    const { letter } = this;
    await letter.until(
      () => !letter.kept.isDirty || letter.stopped !== undefined || letter.safety === "refused",
    );
  }

  async now(leaving = false): Promise<void> {
    // One at a time, but where the page goes: it has no later.
    if (this.isAsking && !leaving) {
      this.isUrgent = true;
      return;
    }
    window.clearTimeout(this.timer);
    this.timer = undefined;
    const { letter } = this;
    const { kept } = letter;
    if (
      !kept.isDirty ||
      kept.answering ||
      !kept.form.account_id ||
      letter.stopped ||
      letter.stop.signal.aborted
    )
      return;
    const { changes } = letter;
    const version = letter.attempt(
      this.tried?.changes === changes ? this.tried.version : undefined,
    );
    this.tried = { version, changes };
    this.latest += 1;
    const mine = this.latest;
    this.isAsking = true;
    if (letter.safety !== "waiting") letter.show({ safety: "saving" });
    const body = { ...bodyOf(kept), version, over: [kept.version, ...kept.attempts] };
    // The server may hear of it from a tab that dies: whoever takes the letter up then has to know the number.
    if (!leaving) await letter.keptOnDisk();
    if (mine !== this.latest || letter.stop.signal.aborted) return;
    try {
      await this.tell(body, leaving);
      if (mine === this.latest) this.taken(version, changes);
    } catch (error) {
      if (mine === this.latest) await this.failed(error, mine);
    }
  }

  private tell(body: Schemas["DraftRequest"], leaving: boolean) {
    const { kept } = this.letter;
    const keepalive = leaving && JSON.stringify(body).length < KEEPALIVE_BYTES;
    const request = { keepalive, signal: inTime() };
    if (kept.version === 0)
      return unwrap(api.POST("/api/v1/drafts", { ...request, body: { ...body, id: kept.draft } }));
    return unwrap(
      api.PUT("/api/v1/drafts/{id}", { ...request, params: { path: { id: kept.draft } }, body }),
    );
  }

  private taken(version: number, changes: number): void {
    this.failures = 0;
    this.isAsking = false;
    this.letter.saved(version, changes);
    if (this.letter.kept.isDirty && this.isUrgent) void this.now();
    else if (this.letter.kept.isDirty) this.later();
    this.isUrgent = false;
  }

  private async failed(error: unknown, mine: number): Promise<void> {
    const { letter } = this;
    this.isAsking = false;
    if (isLineFault(error)) {
      letter.show({ safety: "waiting" });
      await pause(this.failures++, letter.stop.signal);
      if (mine === this.latest) await this.now();
    } else if (hasStatus(error, 409)) {
      letter.show({
        safety: "waiting",
        stopped: (error as ApiProblem).fields.draft ? "sent" : "changed",
      });
    } else if (hasStatus(error, 404) || hasStatus(error, 401)) {
      letter.show({ safety: "waiting" });
      this.lost(error as ApiProblem);
    } else {
      letter.show({ safety: "refused", error });
    }
  }
}
