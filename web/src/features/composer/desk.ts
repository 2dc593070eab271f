/** The letters that are open in this tab, and those that a dead one has left. They outlive their windows. */
import { ApiProblem, api, unwrap } from "../../client";
import { Copies, forget, lockOf } from "./copies";
import { Files } from "./files";
import { type AnswerKind, bodyOf, type Draft, type Fill } from "./kept";
import { Letter } from "./letter";
import { hasStatus, inTime, untilAnswered } from "./line";
import { ask, send } from "./sending";
import { Saver } from "./saving";

/** A letter that was open when its tab went comes back with the page, if it comes so soon. */
const RELOAD_MS = 3_000;

export type Open = { letter: Letter; saver: Saver; files: Files };
/** How a letter left, for whoever tells of it. */
export type Told = {
  sent: (letter: Letter, message: string) => void;
  /** What was asked cannot be done. */
  failed: (error: unknown) => void;
  /** Not found or not signed in: who may still write from where is asked anew. */
  lost: (letter: Letter, error: ApiProblem) => void;
};

export class Desk {
  /** With a window, the newest last. */
  windows: Open[] = [];
  active?: Letter;
  private readonly all = new Map<Letter, Open>();
  private readonly listeners = new Set<() => void>();
  private readonly stop = new AbortController();
  private copies: Promise<Copies | undefined> = Promise.resolve(undefined);
  private seen = 0;

  constructor(
    private readonly user: string,
    private readonly told: Told,
  ) {}

  /** From here on what is typed is kept in this browser, and what a tab has left is taken up. */
  async start(): Promise<void> {
    // Without a store in this browser the server's is the only one; the composer says so.
    this.copies = Copies.of(this.user).catch(() => undefined);
    const copies = await this.copies;
    const began = Date.now();
    const left = await copies?.list().catch(() => undefined);
    for (const { id } of left ?? []) if (copies) void this.takeUp(copies, id, began);
  }

  /** Once no other tab holds it. */
  private async takeUp(copies: Copies, copy: string, began: number): Promise<void> {
    const taken = async () => {
      const left = await copies.find(copy);
      if (!left || this.stop.signal.aborted) return;
      const isReload = Date.now() - began < RELOAD_MS;
      if (!isReload && !left.kept.isDirty && !left.kept.sending) return forget(copy);
      const letter = Letter.left(copies, copy, left.kept);
      const open = this.show(letter);
      void this.resume(open);
      await letter.until(() => letter.phase === "done");
    };
    await navigator.locks
      .request(lockOf(copy), { signal: this.stop.signal }, taken)
      .catch(() => undefined);
  }

  private async resume(open: Open): Promise<void> {
    const { letter } = open;
    if (letter.kept.sending) return this.outcome(letter, ask(letter, letter.kept.sending));
    if (letter.kept.answering) return this.begin(letter);
    if (letter.kept.isDirty || letter.kept.version === 0) return;
    // It was safe when its tab went: what another device has written since is what stands in it.
    const draft = await this.get(letter.kept.draft).catch(() => undefined);
    if (draft && draft.version !== letter.kept.version && !letter.kept.isDirty)
      letter.replace(draft);
  }

  private hold(letter: Letter): Letter {
    void navigator.locks
      .request(lockOf(letter.copy), { signal: this.stop.signal }, () =>
        letter.until(() => letter.phase === "done"),
      )
      .catch(() => undefined);
    return letter;
  }

  private show(letter: Letter): Open {
    const saver = new Saver(letter, (error) => this.told.lost(letter, error));
    const open = { letter, saver, files: new Files(letter, saver) };
    this.all.set(letter, open);
    this.windows = [...this.windows, open];
    this.activate(letter);
    return open;
  }

  activate(letter: Letter | undefined): void {
    this.active = letter;
    this.changed();
  }

  write(to: string[], fill?: Fill): Letter {
    const letter = this.hold(Letter.blank(this.copies, { to, fill }));
    this.show(letter);
    return letter;
  }

  answer(message: string, kind: AnswerKind): void {
    const letter = this.hold(Letter.blank(this.copies, { answering: { message, kind } }));
    this.show(letter);
    void this.begin(letter);
  }

  /** The quotation comes when it comes; what is typed until then stays. */
  private async begin(letter: Letter): Promise<void> {
    const { answering, draft } = letter.kept;
    if (!answering) return;
    const request = {
      params: { path: { id: answering.message } },
      body: { kind: answering.kind, draft_id: draft },
    };
    try {
      const filled = await untilAnswered(letter.stop.signal, () =>
        unwrap(api.POST("/api/v1/messages/{id}/answer", { ...request, signal: inTime() })),
      );
      if (filled) letter.fill(filled);
    } catch (error) {
      if (error instanceof ApiProblem && hasStatus(error, 404)) this.told.lost(letter, error);
      else this.told.failed(error);
      letter.show({ stopped: letter.stopped ?? "gone" });
    }
  }

  async openDraft(id: string): Promise<void> {
    const held = [...this.all.values()].find(
      ({ letter }) => letter.kept.draft === id && letter.phase !== "done",
    );
    if (held) {
      if (!this.windows.includes(held)) this.windows = [...this.windows, held];
      return this.activate(held.letter);
    }
    try {
      const draft = await this.get(id);
      this.show(this.hold(Letter.opened(this.copies, draft)));
    } catch (error) {
      this.told.failed(error);
    }
  }

  private get(id: string): Promise<Draft> {
    return unwrap(api.GET("/api/v1/drafts/{id}", { params: { path: { id } } }));
  }

  send(letter: Letter): Promise<void> {
    const open = this.all.get(letter);
    return open ? this.outcome(letter, send(letter, open.saver)) : Promise.resolve();
  }

  private async outcome(letter: Letter, pending: Promise<string | undefined>): Promise<void> {
    try {
      const message = await pending;
      if (!message) return;
      await this.remove(letter);
      this.told.sent(letter, message);
    } catch (error) {
      // The letter says why; what it names as lost is looked into.
      if (error instanceof ApiProblem && hasStatus(error, 404)) this.told.lost(letter, error);
    }
  }

  /** Its window goes; it is saved on, and then nothing of it is left here. */
  async close(letter: Letter): Promise<void> {
    this.withoutWindow(letter);
    const { kept } = letter;
    if (letter.phase !== "writing" && letter.phase !== "done") return;
    if (kept.isBlank) return this.discard(letter);
    await this.all.get(letter)?.saver.settled();
    const isOpenAgain = this.windows.some((open) => open.letter === letter);
    if (!kept.isDirty && !isOpenAgain && letter.phase === "writing") await this.remove(letter);
  }

  /** The draft goes from the server too, if it has one. */
  async discard(letter: Letter): Promise<void> {
    const { draft, version, attempts, answering } = letter.kept;
    await this.remove(letter);
    if (version > 0 || attempts.length > 0 || answering)
      await deleteDraft(draft).catch(this.told.failed);
  }

  /** Its draft is deleted as it stands now, so that it can be had back so. Nobody is told of a blank one. */
  async putAway(letter: Letter): Promise<void> {
    this.withoutWindow(letter);
    if (letter.kept.isBlank) return this.discard(letter);
    await this.all.get(letter)?.saver.settled();
    await this.discard(letter);
  }

  /** It may still be on its way there. */
  async getBack(draft: string, away: Promise<void>): Promise<void> {
    await away;
    await restoreDraft(draft).catch(this.told.failed);
    await this.openDraft(draft);
  }

  async remove(letter: Letter): Promise<void> {
    this.withoutWindow(letter);
    this.all.delete(letter);
    await letter.end();
  }

  private withoutWindow(letter: Letter): void {
    this.windows = this.windows.filter((open) => open.letter !== letter);
    if (this.active === letter) this.active = this.windows.at(-1)?.letter;
    this.changed();
  }

  /** Both texts stay: this one where it was, the other one as a draft of its own. */
  async keepMine(letter: Letter): Promise<void> {
    const { kept } = letter;
    const theirs = await this.deciding(letter, async () => {
      const theirs = await this.get(kept.draft);
      await unwrap(api.POST("/api/v1/drafts", { body: { ...theirs.draft, files_of: kept.draft } }));
      return theirs;
    });
    kept.version = theirs.version;
    kept.attempts = [];
    letter.show({ stopped: undefined });
    letter.set({});
  }

  async takeTheirs(letter: Letter): Promise<void> {
    const { kept } = letter;
    const theirs = await this.deciding(letter, async () => {
      await unwrap(api.POST("/api/v1/drafts", { body: { ...bodyOf(kept), files_of: kept.draft } }));
      return this.get(kept.draft);
    });
    letter.replace(theirs);
    void letter.keep();
  }

  /** What is typed until then would be in neither text. */
  private async deciding<T>(letter: Letter, act: () => Promise<T>): Promise<T> {
    letter.show({ phase: "deciding" });
    return act().finally(() => letter.show({ phase: "writing" }));
  }

  flush(): void {
    for (const { saver } of this.all.values()) saver.flush();
  }

  /** Whether something is nowhere but in this page. */
  get isAtRisk(): boolean {
    return [...this.all.keys()].some((letter) => letter.kept.isDirty && !letter.isKept);
  }

  get isUnsaved(): boolean {
    return [...this.all.keys()].some((letter) => letter.kept.isDirty);
  }

  /** What is typed is in the store of this browser, if it has one. */
  async keptOnDisk(): Promise<void> {
    await Promise.all([...this.all.keys()].map((letter) => letter.keptOnDisk()));
  }

  /** Nothing of what was written is left in this browser. */
  async erase(): Promise<void> {
    const copies = await this.copies;
    await copies?.erase().catch(() => undefined);
  }

  end(): void {
    this.stop.abort();
    for (const letter of this.all.keys()) letter.stop.abort();
    this.all.clear();
    this.windows = [];
  }

  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = () => this.seen;

  private changed(): void {
    this.seen += 1;
    for (const listener of this.listeners) listener();
  }
}

/** One that is gone already is deleted. */
export async function deleteDraft(id: string): Promise<void> {
  const ask = () => unwrap(api.DELETE("/api/v1/drafts/{id}", { params: { path: { id } } }));
  await untilAnswered(AbortSignal.timeout(60_000), ask).catch((error: unknown) => {
    if (!hasStatus(error, 404)) throw error;
  });
}

export async function restoreDraft(id: string): Promise<void> {
  await untilAnswered(AbortSignal.timeout(60_000), () =>
    unwrap(api.POST("/api/v1/drafts/{id}/restore", { params: { path: { id } } })),
  );
}
