/** Inline images: an address of the draft's file in the editor, `cid:` in what is saved and sent. */
import type { HeldFile } from "./kept";

const addressOf = (draft: string, file: string) => `/api/v1/drafts/${draft}/files/${file}`;

export function toUrls(html: string, draft: string, files: HeldFile[]): string {
  return files.reduce(
    (text, file) =>
      file.content_id ? text.replaceAll(`cid:${file.content_id}`, addressOf(draft, file.id)) : text,
    html,
  );
}

/** An address of no file of this draft (text that was moved from another one) stays, and the server takes it out. */
export function toCids(html: string, draft: string, files: HeldFile[]): string {
  return files.reduce(
    (text, file) =>
      file.content_id ? text.replaceAll(addressOf(draft, file.id), `cid:${file.content_id}`) : text,
    html,
  );
}
