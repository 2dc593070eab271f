/** One composer for the whole desk: it stays while pages change, and never loses text. */
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { createContext, lazy, type ReactNode, Suspense, use, useMemo, useState } from "react";
import { api, fieldsOf, messageOf, type Schemas, unwrap } from "../../client";

export type Draft = Schemas["DraftView"];
export type Recipient = Schemas["RecipientView"];
type Fill = { name?: string; number?: string };
type AnswerKind = "reply" | "reply_all" | "forward";

type ComposerHandle = {
  /** A new message; `fill`: what placeholders of canned responses stand for. */
  write: (to?: Recipient[], fill?: Fill) => void;
  answer: (message: string, kind: AnswerKind) => void;
  openDraft: (id: string) => void;
};

const Context = createContext<ComposerHandle>({ write: () => undefined, answer: () => undefined, openDraft: () => undefined });
export const useComposer = () => use(Context);

// The editor is large, and not needed to read.
const Composer = lazy(() => import("./Composer"));

export function ComposerProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [open, setOpen] = useState<{ draft: Draft; fill?: Fill }>();
  const failed = (error: unknown) => notifications.show({ color: "red", message: Object.values(fieldsOf(error))[0] ?? messageOf(error) });
  const get = (id: string) => unwrap(api.GET("/api/v1/drafts/{id}", { params: { path: { id } } }));
  const { mutate: begin } = useMutation({
    mutationFn: async (how: { to: Recipient[]; fill?: Fill } | { message: string; kind: AnswerKind } | { id: string }) => {
      if ("id" in how) return { draft: await get(how.id) };
      if ("message" in how) return { draft: await unwrap(api.POST("/api/v1/messages/{id}/answer", { params: { path: { id: how.message } }, body: { kind: how.kind } })) };
      const senders = await unwrap(api.GET("/api/v1/senders"));
      const sender = senders.find((one) => one.can_send) ?? senders[0];
      if (!sender) throw new Error("Set up your email account first.");
      const html = `<p></p>${sender.signature}`;
      const { id } = await unwrap(api.POST("/api/v1/drafts", { body: { account_id: sender.account_id, to: how.to, subject: "", html } }));
      return { draft: await get(id), fill: how.fill };
    },
    onSuccess: (opened) => {
      setOpen(opened);
      void queries.invalidateQueries({ queryKey: ["drafts"] });
    },
    onError: failed,
  });
  const handle = useMemo<ComposerHandle>(() => ({
    write: (to = [], fill) => begin({ to, fill }),
    answer: (message, kind) => begin({ message, kind }),
    openDraft: (id) => begin({ id }),
  }), [begin]);
  return (
    <Context value={handle}>
      {children}
      {open && <Suspense><Composer key={open.draft.id} draft={open.draft} fill={open.fill} onClose={() => setOpen(undefined)} onReopen={handle.openDraft} /></Suspense>}
    </Context>
  );
}
