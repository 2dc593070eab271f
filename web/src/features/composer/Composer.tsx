/** Docked at the bottom right; the whole screen on narrow ones. What is written is saved by itself. */
import "@mantine/tiptap/styles.css";
import { ActionIcon, Button, CloseButton, Group, Loader, Menu, Modal, Progress, Select, TextInput, Tooltip } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconArrowsDiagonal, IconArrowsDiagonalMinimize2, IconMessage2, IconPaperclip, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Editor } from "@tiptap/react";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { Seal } from "../../components/Seal";
import { api, fieldsOf, messageOf, type Schemas, unwrap } from "../../client";
import { useSession } from "../../session";
import { texts } from "../../texts";
import { offerUndo } from "../inbox/actions";
import type { Draft } from "./context";
import { RichText } from "./RichText";
import { Recipients } from "./Recipients";
import { fromChip, looksRight, toChip } from "./recipients";
import { inlineImages, toUrls } from "./inline";

const SAVE_AFTER_MS = 700;
/** "attached" in the languages of the interface. */
const ATTACHED = /\b(attach(ed|ment|ing)?|angehängt|anhang|adjunt\w*|anexo|anexad\w*|вкладенн\w*|додаю)\b/i;

type Form = { account_id: string; to: string[]; cc: string[]; bcc: string[]; subject: string; html: string };

export default function Composer({ draft, fill, onClose, onReopen }: { draft: Draft; fill?: { name?: string; number?: string }; onClose: () => void; onReopen: (draft: string) => void }) {
  const queries = useQueryClient();
  const session = useSession();
  const senders = useQuery({ queryKey: ["senders"], queryFn: () => unwrap(api.GET("/api/v1/senders")) });
  const [form, setForm] = useState<Form>({ ...draft.draft, to: chips(draft.draft.to), cc: chips(draft.draft.cc), bcc: chips(draft.draft.bcc) });
  const latest = useRef(form);
  const [files, setFiles] = useState(draft.files.filter((file) => !file.content_id));
  const [more, setMore] = useState(form.cc.length + form.bcc.length > 0);
  const [large, setLarge] = useState(false);
  const [forgotten, setForgotten] = useState(false);
  const editor = useRef<Editor>(null);
  const path = { path: { id: draft.id } };
  const refresh = () => Promise.all(["drafts", "outbox", "messages", "conversation"].map((key) => queries.invalidateQueries({ queryKey: [key] })));

  const body = (from: Form) => ({
    account_id: from.account_id,
    thread_id: draft.draft.thread_id,
    answers: draft.draft.answers,
    to: from.to.map(fromChip),
    cc: from.cc.map(fromChip),
    bcc: from.bcc.map(fromChip),
    subject: from.subject,
    html: inlineImages(from.html, draft.id),
  });
  const save = useMutation({ mutationFn: () => unwrap(api.PUT("/api/v1/drafts/{id}", { params: path, body: body(latest.current) })) });
  const later = useDebouncedCallback(() => save.mutate(), SAVE_AFTER_MS);
  const set = (part: Partial<Form>) => {
    latest.current = { ...latest.current, ...part };
    setForm(latest.current);
    later();
  };
  const sender = senders.data?.find((one) => one.account_id === form.account_id);
  const inThread = Boolean(draft.draft.thread_id);

  const takeBack = useMutation({
    mutationFn: (id: string) => unwrap(api.DELETE("/api/v1/outbox/{id}", { params: { path: { id } } })),
    onSuccess: async ({ draft_id }) => {
      await refresh();
      if (draft_id) onReopen(draft_id);
    },
    onError: (error) => notifications.show({ color: "red", message: Object.values(fieldsOf(error))[0] ?? messageOf(error) }),
  });
  // One key for each draft as it is sent: a repeated click or a lost answer sends nothing twice.
  const key = useRef(crypto.randomUUID());
  const send = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/outbox", { params: { header: { "Idempotency-Key": key.current } }, body: { ...body(latest.current), draft_id: draft.id, undo: true } })),
    onSuccess: async ({ message_id }) => {
      onClose();
      await refresh();
      offerUndo(`sent-${message_id}`, texts.sending, () => takeBack.mutate(message_id));
    },
    onError: () => (key.current = crypto.randomUUID()),
  });
  const remove = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/drafts/{id}", { params: path })),
    onSuccess: async () => {
      onClose();
      await refresh();
    },
  });
  const upload = useUpload(draft.id, {
    onFile: (file) => setFiles((held) => [...held, file]),
    onImage: (file) => editor.current?.chain().focus().setImage({ src: `/api/v1/drafts/${draft.id}/files/${file.id}`, alt: file.name }).run(),
  });
  const detach = useMutation({
    mutationFn: (file: string) => unwrap(api.DELETE("/api/v1/drafts/{id}/files/{file}", { params: { path: { id: draft.id, file } } })),
    onSuccess: (_, file) => setFiles((held) => held.filter((one) => one.id !== file)),
  });

  const trySend = () => {
    const own = latest.current.html.split("<blockquote")[0] ?? "";
    if (ATTACHED.test(own.replaceAll(/<[^>]*>/g, " ")) && files.length === 0 && !forgotten) setForgotten(true);
    else send.mutate();
  };
  const close = () => {
    const { to, cc, bcc, subject, html } = latest.current;
    const isEmpty = to.length + cc.length + bcc.length + files.length === 0 && !subject && !draft.draft.answers && html === toUrls(draft.draft.html, draft);
    if (isEmpty) remove.mutate();
    else save.mutate(undefined, { onSettled: () => void refresh() });
    onClose();
  };
  useEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key === "Enter") {
        event.preventDefault();
        trySend();
      }
    };
    window.addEventListener("keydown", keys);
    return () => window.removeEventListener("keydown", keys);
  });
  const wrong = fieldsOf(send.error);
  const all = [...form.to, ...form.cc, ...form.bcc];
  const dropped = (event: DragEvent) => {
    if (event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    for (const file of event.dataTransfer.files) upload.add(file, false);
  };
  return (
    <section className={`composer ${large ? "large" : ""}`} role="dialog" aria-label={form.subject || texts.newMessage} onDragOver={(event) => event.preventDefault()} onDrop={dropped}>
      <header>
        <strong>{form.subject || texts.newMessage}</strong>
        <span className="saved" role="status">{save.isPending ? texts.saving : save.isError ? texts.notSaved : save.isSuccess ? texts.saved : ""}</span>
        <ActionIcon className="wide-only" variant="subtle" color="gray" aria-label={large ? texts.makeSmall : texts.makeLarge} onClick={() => setLarge(!large)}>{large ? <IconArrowsDiagonalMinimize2 size={17} stroke={1.6} /> : <IconArrowsDiagonal size={17} stroke={1.6} />}</ActionIcon>
        <CloseButton aria-label={texts.close} onClick={close} />
      </header>
      {sender && !sender.can_send && <div className="notice" role="alert">{texts.smtpMissing} <Link to="/profile/email-account" onClick={close} style={{ color: "var(--wax)" }}>{texts.emailAccount}</Link></div>}
      <div className="line">
        <span className="name">{texts.from}</span>
        {inThread || (senders.data?.length ?? 0) < 2
          ? <span className="value">{sender ? toChip(sender) : ""}</span>
          : <Select variant="unstyled" flex={1} aria-label={texts.from} allowDeselect={false} value={form.account_id} data={(senders.data ?? []).map((one) => ({ value: one.account_id, label: toChip(one) }))} onChange={(account_id) => account_id && set({ account_id })} />}
        {sender && <Seal accountId={sender.account_id} />}
      </div>
      <div className="line">
        <Recipients label={texts.to} value={form.to} change={(to) => set({ to })} error={wrong.to} autoFocus={form.to.length === 0} />
        {!more && <Button variant="subtle" color="gray" size="compact-sm" onClick={() => setMore(true)}>{texts.ccBcc}</Button>}
      </div>
      {more && <div className="line"><Recipients label={texts.cc} value={form.cc} change={(cc) => set({ cc })} error={wrong.cc} /></div>}
      {more && <div className="line"><Recipients label={texts.bcc} value={form.bcc} change={(bcc) => set({ bcc })} error={wrong.bcc} /></div>}
      <div className="line"><TextInput variant="unstyled" flex={1} aria-label={texts.subject} placeholder={texts.subject} value={form.subject} onChange={(event) => set({ subject: event.target.value })} /></div>
      <RichText html={toUrls(draft.draft.html, draft)} editor={editor} focus={form.to.length > 0} change={(html) => set({ html })} onImage={(file) => upload.add(file, true)} />
      {(files.length > 0 || upload.running.length > 0) && (
        <div className="files">
          {files.map((file) => <span key={file.id} className="file"><span>{file.name}</span><CloseButton size="sm" aria-label={`${texts.remove} ${file.name}`} onClick={() => detach.mutate(file.id)} /></span>)}
          {upload.running.map((one) => <span key={one.key} className="file"><span>{one.name}</span>{one.failed ? <span role="alert" style={{ color: "var(--wax)" }}>{one.failed}</span> : <Progress value={one.percent} w={70} aria-label={`${one.name} ${one.percent} %`} />}{one.failed && <CloseButton size="sm" aria-label={texts.close} onClick={() => upload.forget(one.key)} />}</span>)}
        </div>
      )}
      {send.isError && <div className="notice" role="alert" style={{ color: "var(--wax)" }}>{Object.values(wrong)[0] ?? messageOf(send.error)}</div>}
      <footer>
        <Button loading={send.isPending} disabled={all.length === 0 || !all.every(looksRight) || upload.running.some((one) => !one.failed) || sender?.can_send === false} onClick={trySend}>{texts.send}</Button>
        <FilePicker onPick={(picked) => upload.add(picked, false)} />
        <Canned editor={editor} fill={{ name: (fill?.name ?? fromChip(form.to[0] ?? "").name) || "", number: fill?.number ?? "", my_name: session.data?.name ?? "" }} html={() => latest.current.html} />
        {save.isPending && <Loader size={14} aria-hidden />}
        <Tooltip label={texts.deleteDraft}><ActionIcon ml="auto" variant="subtle" color="gray" size="lg" aria-label={texts.deleteDraft} onClick={() => remove.mutate()}><IconTrash size={18} stroke={1.6} /></ActionIcon></Tooltip>
      </footer>
      <Modal opened={forgotten} onClose={() => setForgotten(false)} title={texts.noAttachment}>
        <p style={{ marginTop: 0 }}>{texts.noAttachmentHint}</p>
        <Group justify="flex-end"><Button variant="default" onClick={() => setForgotten(false)}>{texts.back}</Button><Button onClick={() => { setForgotten(false); send.mutate(); }}>{texts.sendAnyway}</Button></Group>
      </Modal>
    </section>
  );
}

const chips = (recipients: Schemas["RecipientView"][] = []) => recipients.map(toChip);

function FilePicker({ onPick }: { onPick: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Tooltip label={texts.attach}><ActionIcon variant="subtle" color="gray" size="lg" aria-label={texts.attach} onClick={() => input.current?.click()}><IconPaperclip size={18} stroke={1.6} /></ActionIcon></Tooltip>
      <input ref={input} type="file" multiple hidden aria-label={texts.attachments} onChange={(event) => { for (const file of event.target.files ?? []) onPick(file); event.target.value = ""; }} />
    </>
  );
}

/** Canned responses, with what their placeholders stand for. */
function Canned({ editor, fill, html }: { editor: React.RefObject<Editor | null>; fill: Record<string, string>; html: () => string }) {
  const queries = useQueryClient();
  const responses = useQuery({ queryKey: ["canned"], queryFn: () => unwrap(api.GET("/api/v1/canned-responses")) });
  const [name, setName] = useState<string>();
  const stale = () => queries.invalidateQueries({ queryKey: ["canned"] });
  const add = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/canned-responses", { body: { name: name ?? "", html: html().split("<blockquote")[0] ?? "" } })),
    onSuccess: () => { setName(undefined); return stale(); },
  });
  const remove = useMutation({ mutationFn: (id: string) => unwrap(api.DELETE("/api/v1/canned-responses/{id}", { params: { path: { id } } })), onSuccess: stale });
  const filled = (text: string) => text.replaceAll(/\{\{(\w+)\}\}/g, (whole, key: string) => (fill[key] ?? whole).replaceAll(/[<>&]/g, ""));
  return (
    <>
      <Menu position="top-start">
        <Menu.Target><Tooltip label={texts.canned}><ActionIcon variant="subtle" color="gray" size="lg" aria-label={texts.canned}><IconMessage2 size={18} stroke={1.6} /></ActionIcon></Tooltip></Menu.Target>
        <Menu.Dropdown>
          {(responses.data ?? []).map((one) => (
            <Group key={one.id} gap={2} wrap="nowrap">
              <Menu.Item onClick={() => editor.current?.chain().focus().insertContent(filled(one.html)).run()}>{one.name}</Menu.Item>
              <CloseButton size="sm" aria-label={`${texts.remove} ${one.name}`} onClick={() => remove.mutate(one.id)} />
            </Group>
          ))}
          {responses.data?.length === 0 && <Menu.Label>{texts.cannedHint}</Menu.Label>}
          <Menu.Divider />
          <Menu.Item onClick={() => setName("")}>{texts.cannedSave}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal opened={name !== undefined} onClose={() => setName(undefined)} title={texts.cannedSave}>
        <TextInput label={texts.name} value={name ?? ""} onChange={(event) => setName(event.target.value)} error={fieldsOf(add.error).name} data-autofocus />
        <Group justify="flex-end" mt={12}><Button loading={add.isPending} onClick={() => add.mutate()}>{texts.save}</Button></Group>
      </Modal>
    </>
  );
}

type Running = { key: string; name: string; percent: number; failed?: string };

/** Uploads with progress, which fetch does not tell. */
function useUpload(draft: string, done: { onFile: (file: Schemas["DraftFileView"]) => void; onImage: (file: Schemas["DraftFileView"]) => void }) {
  const [running, setRunning] = useState<Running[]>([]);
  const change = (key: string, part: Partial<Running>) => setRunning((held) => held.map((one) => (one.key === key ? { ...one, ...part } : one)));
  const forget = (key: string) => setRunning((held) => held.filter((one) => one.key !== key));
  const add = (file: File, inline: boolean) => {
    const key = crypto.randomUUID();
    setRunning((held) => [...held, { key, name: file.name, percent: 0 }]);
    const request = new XMLHttpRequest();
    request.open("POST", `/api/v1/drafts/${draft}/files?name=${encodeURIComponent(file.name || "image.png")}&inline=${inline}`);
    request.setRequestHeader("content-type", file.type || "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && change(key, { percent: Math.round((event.loaded / event.total) * 100) });
    request.onerror = () => change(key, { failed: texts.uploadFailed });
    request.onload = () => {
      if (request.status !== 201) {
        change(key, { failed: refusal(request) });
        return;
      }
      forget(key);
      const held = JSON.parse(request.responseText) as Schemas["DraftFileView"];
      if (inline) done.onImage(held);
      else done.onFile(held);
    };
    request.send(file);
  };
  return { running, add, forget };
}

function refusal(request: XMLHttpRequest): string {
  try {
    const problem = JSON.parse(request.responseText) as Schemas["Problem"];
    return problem.errors?.[0]?.message ?? problem.title;
  } catch {
    return request.status === 413 ? texts.tooLarge : texts.uploadFailed;
  }
}
