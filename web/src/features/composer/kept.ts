/** What a letter is, as it is kept in the browser and told to the server. */
import type { Schemas } from "../../client";
import { toCids, toUrls } from "./inline";
import { fromChip, toChip } from "./recipients";

export type Draft = Schemas["DraftView"];
export type HeldFile = Schemas["DraftFileView"];
export type Fill = { name?: string; number?: string };
export type AnswerKind = "reply" | "reply_all" | "forward";

/** What a person changes. The HTML is the editor's, with addresses of images. */
export type Form = {
  account_id: string;
  to: string[];
  cc: string[];
  bcc: string[];
  subject: string;
  html: string;
};

/** One key from the first press to a known outcome; the body never changes under it. */
export type Sending = { key: string; body: Schemas["SendRequest"] };

/** Everything of a letter that outlives its tab. */
export type Kept = {
  draft: string;
  form: Form;
  thread: string | null;
  answers: string | null;
  files: HeldFile[];
  fill?: Fill;
  /** The version on the server that is known; 0: there is none yet. */
  version: number;
  /** Versions that were saved without hearing of it. */
  attempts: number[];
  /** The server does not have it yet. */
  isDirty: boolean;
  /** Nothing has been typed. */
  isBlank: boolean;
  /** The answer whose quotation has not come yet. */
  answering?: { message: string; kind: AnswerKind };
  sending?: Sending;
};

export function emptyForm(): Form {
  return { account_id: "", to: [], cc: [], bcc: [], subject: "", html: "<p></p>" };
}

function formOf({ id, draft, files }: Draft): Form {
  const chips = (people: Schemas["RecipientView"][] = []) => people.map(toChip);
  return {
    account_id: draft.account_id,
    to: chips(draft.to),
    cc: chips(draft.cc),
    bcc: chips(draft.bcc),
    subject: draft.subject,
    html: toUrls(draft.html, id, files),
  };
}

export function keptOf(view: Draft): Kept {
  return {
    draft: view.id,
    form: formOf(view),
    thread: view.draft.thread_id ?? null,
    answers: view.draft.answers ?? null,
    files: view.files,
    version: view.version,
    attempts: [],
    isDirty: false,
    isBlank: false,
  };
}

/** As the API takes it. */
export function bodyOf({ draft, form, thread, answers, files }: Kept): Schemas["DraftRequest"] {
  return {
    account_id: form.account_id,
    thread_id: thread,
    answers,
    to: form.to.map(fromChip),
    cc: form.cc.map(fromChip),
    bcc: form.bcc.map(fromChip),
    subject: form.subject,
    html: toCids(form.html, draft, files),
  };
}

/** What goes along beside the text and its images: the files that are listed, and no other. */
export function listed(files: HeldFile[]): HeldFile[] {
  return files.filter((file) => !file.content_id);
}
