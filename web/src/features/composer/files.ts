/** Files of a letter: each has its id before it goes, so that a repeated upload is the same file. */
import { useSyncExternalStore } from "react";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { newId } from "../../ids";
import type { HeldFile } from "./kept";
import type { Letter } from "./letter";
import { hasStatus, pause, untilAnswered } from "./line";
import type { Saver } from "./saving";

type Running = { id: string; name: string; percent: number; failed?: string };

export class Files {
  running: Running[] = [];
  private readonly stops = new Map<string, AbortController>();

  constructor(
    private readonly letter: Letter,
    private readonly saver: Saver,
  ) {}

  get isBusy(): boolean {
    return this.running.some((one) => !one.failed);
  }

  async add(file: File, inline: boolean): Promise<void> {
    const id = newId();
    const stop = new AbortController();
    this.stops.set(id, stop);
    this.change([...this.running, { id, name: file.name || "image.png", percent: 0 }]);
    if (await this.isThere()) await this.upload(file, id, inline, stop.signal);
    else this.update(id, { failed: texts.uploadFailed });
  }

  /** A file belongs to a draft that the server has. */
  private async isThere(): Promise<boolean> {
    if (this.letter.kept.version === 0 && !this.letter.kept.isDirty) this.letter.set({});
    await this.saver.settled();
    return this.letter.kept.version > 0;
  }

  private async upload(file: File, id: string, inline: boolean, stop: AbortSignal): Promise<void> {
    for (let failures = 0; !stop.aborted; failures += 1) {
      const request = await this.ask(file, id, inline, stop);
      if (request.status === 201)
        return this.done(id, JSON.parse(request.responseText) as HeldFile);
      if (request.status >= 400 && request.status < 500)
        return this.update(id, { failed: refusal(request) });
      await pause(failures, stop);
    }
  }

  /** With progress, which fetch does not tell. */
  private ask(file: File, id: string, inline: boolean, stop: AbortSignal): Promise<XMLHttpRequest> {
    return new Promise((answered) => {
      const request = new XMLHttpRequest();
      request.open(
        "POST",
        `/api/v1/drafts/${this.letter.kept.draft}/files?id=${id}&name=${encodeURIComponent(file.name || "image.png")}&inline=${inline}`,
      );
      request.setRequestHeader("content-type", file.type || "application/octet-stream");
      request.upload.onprogress = (event) =>
        event.lengthComputable &&
        this.update(id, { percent: Math.round((event.loaded / event.total) * 100) });
      request.onloadend = () => answered(request);
      stop.addEventListener("abort", () => request.abort());
      request.send(file);
    });
  }

  private done(id: string, held: HeldFile): void {
    this.forget(id);
    const { letter } = this;
    letter.setFiles([...letter.kept.files, held]);
    if (!held.content_id) return;
    const image = {
      type: "image",
      attrs: { src: `/api/v1/drafts/${letter.kept.draft}/files/${held.id}`, alt: held.name },
    };
    // A paragraph after it has the cursor: what is typed next does not replace the image.
    if (letter.editor)
      letter.editor
        .chain()
        .focus()
        .insertContent([image, { type: "paragraph" }])
        .run();
    else letter.set({ html: `${letter.form.html}<img src="${image.attrs.src}">` });
  }

  /** It goes with no message from now on, whether or not the server has heard so. */
  remove(file: HeldFile): void {
    this.letter.setFiles(this.letter.kept.files.filter((one) => one.id !== file.id));
    void this.detach(file.id);
  }

  cancel(id: string): void {
    this.stops.get(id)?.abort();
    this.forget(id);
    void this.detach(id);
  }

  private async detach(file: string): Promise<void> {
    const path = { id: this.letter.kept.draft, file };
    const ask = () => unwrap(api.DELETE("/api/v1/drafts/{id}/files/{file}", { params: { path } }));
    await untilAnswered(this.letter.stop.signal, ask).catch((error: unknown) => {
      if (!hasStatus(error, 404)) this.letter.show({ error });
    });
  }

  private update(id: string, part: Partial<Running>): void {
    this.change(this.running.map((one) => (one.id === id ? { ...one, ...part } : one)));
  }

  private forget(id: string): void {
    this.stops.delete(id);
    this.change(this.running.filter((one) => one.id !== id));
  }

  private change(running: Running[]): void {
    this.running = running;
    this.letter.told();
  }
}

/** Draws anew whenever the letter, its safety or its files have changed. */
export function useLetter(letter: Letter): Letter {
  useSyncExternalStore(letter.subscribe, letter.snapshot);
  return letter;
}

function refusal(request: XMLHttpRequest): string {
  try {
    const problem = JSON.parse(request.responseText) as Schemas["Problem"];
    return problem.errors?.[0]?.message ?? problem.title;
  } catch {
    return request.status === 413 ? texts.tooLarge : texts.uploadFailed;
  }
}
