/**
 * One letter that is being written: what stands in it, whether it is safe, and whether it is on its way. It does not
 * know of windows: it goes on being saved and sent when its window is closed.
 */
import type { Editor } from "@tiptap/react";
import { fieldsOf, messageOf } from "../../client";
import { type Copies, forget } from "./copies";
import { newId } from "../../ids";
import { paragraphs } from "../../html";
import { type Draft, emptyForm, type Form, type HeldFile, type Kept, keptOf } from "./kept";
import { ownWords } from "./quoted";

/** Where its text is. */
export type Safety = "nothing" | "saved" | "saving" | "waiting" | "refused";
/** Why it cannot go on as it is. */
export type Stopped = "changed" | "gone" | "sent" | "withdrawn";
/** `deciding`: between two texts. `waiting`: for the line; nobody knows yet whether it was taken. */
export type Phase = "writing" | "deciding" | "sending" | "waiting" | "done";

/** As many as can be told to the server at once. */
const MOST_ATTEMPTS = 100;

export class Letter {
  readonly copy: string;
  readonly stop = new AbortController();
  safety: Safety;
  phase: Phase = "writing";
  stopped?: Stopped;
  /** What the server said against it. */
  error?: unknown;
  /** The browser has what stands in it. */
  isKept = false;
  editor: Editor | null = null;
  /** Another text stands in it than its editor was made with. */
  edition = 0;
  /** Grows with every change of its text. */
  changes = 0;
  private keeping?: Promise<void>;
  private wanted = 0;
  private lastWritten: Promise<unknown> = Promise.resolve();
  private isAppending = false;
  private seen = 0;
  private readonly listeners = new Set<() => void>();
  /** Called after every change of its text. */
  onChange: () => void = () => undefined;

  private constructor(
    /** Undefined where the browser has no store. It may still be on its way when somebody begins to write. */
    private readonly copies: Promise<Copies | undefined>,
    public kept: Kept,
    copy: string = newId(),
  ) {
    this.copy = copy;
    this.safety = kept.isDirty ? "saving" : kept.version > 0 ? "saved" : "nothing";
  }

  static blank(
    copies: Promise<Copies | undefined>,
    part: Partial<Kept> & { to?: string[] } = {},
  ): Letter {
    const { to, ...rest } = part;
    const form = { ...emptyForm(), to: to ?? [] };
    return new Letter(copies, {
      draft: newId(),
      form,
      thread: null,
      answers: null,
      files: [],
      version: 0,
      attempts: [],
      isDirty: false,
      isBlank: true,
      ...rest,
    });
  }

  static opened(copies: Promise<Copies | undefined>, draft: Draft): Letter {
    return new Letter(copies, keptOf(draft));
  }

  /** What a tab has left. */
  static left(copies: Copies, copy: string, kept: Kept): Letter {
    return new Letter(Promise.resolve(copies), kept, copy);
  }

  get form(): Form {
    return this.kept.form;
  }

  /** It can neither be sent nor get files. */
  get isLocked(): boolean {
    return this.phase !== "writing" || this.stopped !== undefined;
  }

  /** Nothing can be typed. While it is undecided whose text holds, one types on: that text goes with the decision. */
  get isReadOnly(): boolean {
    return this.phase !== "writing" || this.stopped === "withdrawn";
  }

  get fields(): Record<string, string> {
    return fieldsOf(this.error);
  }

  get refusal(): string | undefined {
    return this.error === undefined
      ? undefined
      : (Object.values(this.fields)[0] ?? messageOf(this.error));
  }

  editIn(editor: Editor | null): void {
    this.editor = editor;
    if (!editor) this.ahead = "";
  }

  typeAhead(text: string): void {
    const below = this.form.html.slice(paragraphs(this.ahead).length);
    this.ahead = text;
    this.set({ html: paragraphs(text) + below });
  }

  /** A person has changed it. */
  set(part: Partial<Form>): void {
    if (this.isReadOnly || this.isAppending) return;
    this.kept.form = { ...this.kept.form, ...part };
    this.kept.isBlank = false;
    this.touched();
  }

  private touched(): void {
    this.changes += 1;
    this.kept.isDirty = true;
    this.isKept = false;
    if (this.safety === "nothing" || this.safety === "saved" || this.safety === "refused")
      this.safety = "saving";
    void this.keep();
    this.onChange();
    this.told();
  }

  setFiles(files: HeldFile[]): void {
    this.kept.files = files;
    this.kept.isBlank = false;
    void this.keep();
    this.told();
  }

  /** Below what is written: a signature, a quotation. Nobody has typed it. */
  append(html: string): void {
    if (this.editor) {
      const { editor } = this;
      this.isAppending = true;
      editor.commands.insertContentAt(editor.state.doc.content.size, html, {
        updateSelection: false,
      });
      this.isAppending = false;
      this.kept.form = { ...this.form, html: editor.getHTML() };
    } else {
      this.kept.form = { ...this.form, html: this.form.html + html };
    }
  }

  /** It is known who writes. */
  begin(account: string, signature: string): void {
    this.kept.form = { ...this.form, account_id: account };
    this.append(signature);
    if (this.kept.isDirty) this.touched();
    else this.told();
  }

  /** The quotation has come. What was typed meanwhile stays as it is. */
  fill(draft: Draft): void {
    const { kept } = this;
    const filled = keptOf(draft);
    const html = filled.form.html.replace(/^<p><\/p>/, "");
    kept.thread = filled.thread;
    kept.answers = filled.answers;
    kept.files = [
      ...filled.files,
      ...kept.files.filter((file) => !filled.files.some((other) => other.id === file.id)),
    ];
    kept.version = filled.version;
    kept.answering = undefined;
    const { form } = filled;
    const join = (first: string[], then: string[]) => [
      ...first,
      ...then.filter((chip) => !first.includes(chip)),
    ];
    kept.form = {
      ...kept.form,
      account_id: form.account_id,
      to: join(form.to, kept.form.to),
      cc: join(form.cc, kept.form.cc),
      bcc: join(form.bcc, kept.form.bcc),
      subject: kept.form.subject || form.subject,
    };
    this.append(html);
    if (!kept.isBlank) this.touched();
    else this.told();
  }

  /** What was typed before there was an editor. */
  ahead = "";
  /** Another text than its own stands in it from now on. */
  replace(draft: Draft): void {
    this.kept = { ...keptOf(draft), fill: this.kept.fill };
    this.edition += 1;
    this.stopped = undefined;
    this.safety = "saved";
    this.told();
  }

  /** What others wrote leaves the screen and this browser; own words stay. */
  withdraw(): void {
    this.stopped = "withdrawn";
    this.phase = "writing";
    this.kept = {
      ...this.kept,
      form: {
        ...this.form,
        subject: this.kept.answers ? "" : this.form.subject,
        html: ownWords(this.form.html),
      },
      files: [],
      sending: undefined,
    };
    this.edition += 1;
    void this.keep();
    this.told();
  }

  /** A new draft with the same words: the old one is not to be had any more. */
  moveTo(account: string): void {
    this.kept = {
      ...this.kept,
      draft: newId(),
      form: { ...this.form, account_id: account },
      thread: null,
      answers: null,
      files: [],
      version: 0,
      attempts: [],
    };
    this.stopped = undefined;
    this.edition += 1;
    this.touched();
  }

  /** The number to save it under, which is remembered until it is heard of. */
  attempt(repeated?: number): number {
    const { kept } = this;
    const version =
      repeated ??
      Math.max(kept.version, ...kept.attempts) + 1 + Math.floor(Math.random() * 2 ** 20);
    if (!kept.attempts.includes(version))
      kept.attempts = [...kept.attempts.slice(-MOST_ATTEMPTS), version];
    void this.keep();
    return version;
  }

  saved(version: number, changes: number): void {
    this.kept.version = version;
    this.kept.attempts = [];
    this.kept.isDirty = this.changes !== changes;
    this.error = undefined;
    this.safety = this.kept.isDirty ? "saving" : "saved";
    void this.keep();
    this.told();
  }

  show(part: Partial<Pick<Letter, "safety" | "phase" | "stopped" | "error">>): void {
    Object.assign(this, part);
    this.told();
  }

  /** Resolves once what stands in it now is on the disk, or cannot be. */
  async keptOnDisk(): Promise<void> {
    await this.keep();
    await this.lastWritten;
  }

  /** Into this browser; of what changes while that is done, the newest alone. */
  keep(): Promise<void> {
    this.wanted += 1;
    this.keeping ??= this.keepNow().finally(() => (this.keeping = undefined));
    return this.keeping;
  }

  private async keepNow(): Promise<void> {
    // What changes within this turn goes along.
    await Promise.resolve();
    for (let kept = -1; kept !== this.wanted && !this.stop.signal.aborted;) {
      kept = this.wanted;
      const mine = kept;
      const written = await this.written();
      this.lastWritten = written.isKept;
      // The next one does not wait for this to be on the disk.
      void written.isKept.then((isKept) => mine === this.wanted && this.showKept(isKept));
    }
  }

  private showKept(isKept: boolean): void {
    if (isKept === this.isKept) return;
    this.isKept = isKept;
    this.told();
  }

  private async written(): Promise<{ isKept: Promise<boolean> }> {
    const not = { isKept: Promise.resolve(false) };
    const copies = await this.copies;
    if (!copies || this.phase === "done" || this.stop.signal.aborted) return not;
    if (this.kept.isBlank && this.kept.version === 0) return not;
    try {
      const { committed } = await copies.put(this.copy, this.kept);
      return {
        isKept: committed.then(
          () => true,
          () => false,
        ),
      };
    } catch {
      return not;
    }
  }

  /** Nothing of it is left in this browser. */
  async end(): Promise<void> {
    this.phase = "done";
    this.stop.abort();
    this.told();
    await this.keeping?.catch(() => undefined);
    await forget(this.copy).catch(() => undefined);
  }

  /** For `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = () => this.seen;

  told(): void {
    this.seen += 1;
    for (const listener of this.listeners) listener();
  }

  /** Resolves when this holds, or once the letter has ended. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((done) => {
      const look = () => {
        if (!holds() && !this.stop.signal.aborted) return;
        end();
        done();
      };
      const end = this.subscribe(look);
      this.stop.signal.addEventListener("abort", look);
      look();
    });
  }
}
