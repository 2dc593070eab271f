/** Inline images: an address of the draft's file in the editor, `cid:` in what is saved and sent. */
import type { Draft } from "./context";

export function toUrls(html: string, draft: Draft): string {
  return draft.files.reduce((text, file) => (file.content_id ? text.replaceAll(`cid:${file.content_id}`, `/api/v1/drafts/${draft.id}/files/${file.id}`) : text), html);
}

/** A file's Content-ID is its id without dashes. */
export function inlineImages(html: string, draft: string): string {
  return html.replaceAll(new RegExp(`/api/v1/drafts/${draft}/files/([0-9a-f-]{36})`, "g"), (_, id: string) => `cid:${id.replaceAll("-", "")}`);
}
