/** Docked at the bottom right; the whole screen on narrow ones. What is written is saved by itself. */
import {
  ActionIcon,
  Button,
  CloseButton,
  Group,
  Modal,
  Select,
  TextInput,
  Tooltip,
} from "@mantine/core";
import {
  IconArrowsDiagonal,
  IconArrowsDiagonalMinimize2,
  IconMinus,
  IconTrash,
} from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type DragEvent, type KeyboardEvent, useState } from "react";
import { Seal } from "../../components/Seal";
import { api, type Schemas, unwrap } from "../../client";
import { useSession } from "../../session";
import { texts } from "../../texts";
import { offerUndo } from "../../components/undo";
import { Canned } from "./Canned";
import type { Desk, Open } from "./desk";
import { FileList, FilePicker } from "./FileList";
import { useLetter } from "./files";
import { listed } from "./kept";
import type { Letter } from "./letter";
import { Notices, Safety } from "./Notices";
import { ownWords } from "./quoted";
import { Recipients } from "./Recipients";
import { fromChip, looksRight, toChip } from "./recipients";
import { TextArea } from "./TextArea";
import look from "../../design/look.module.css";
import { textOf } from "../../html";

/** "attached" in the languages of the interface. */
const ATTACHED =
  /\b(attach(ed|ment|ing)?|angehängt|anhang|adjunt\w*|anexo|anexad\w*|вкладенн\w*|додаю)\b/i;

type Senders = Schemas["SenderView"][] | undefined;

export function Composer({ desk, open }: { desk: Desk; open: Open }) {
  const letter = useLetter(open.letter);
  const { files } = open;
  const senders = useQuery({
    queryKey: ["senders"],
    queryFn: () => unwrap(api.GET("/api/v1/senders")),
  });
  const [large, setLarge] = useState(false);
  const [forgotten, setForgotten] = useState(false);
  const { form } = letter;
  const sender = senders.data?.find((one) => one.account_id === form.account_id);
  const all = [...form.to, ...form.cc, ...form.bcc];
  const canSend =
    !letter.isLocked &&
    !letter.kept.answering &&
    all.length > 0 &&
    all.every(looksRight) &&
    !files.isBusy &&
    sender?.can_send === true;
  const send = () => {
    if (!canSend) return;
    const speaksOfFile =
      ATTACHED.test(textOf(ownWords(form.html))) && listed(letter.kept.files).length === 0;
    if (speaksOfFile && !forgotten) setForgotten(true);
    else void desk.send(letter);
  };
  // Of this letter alone, and not from behind a question.
  const keys = (event: KeyboardEvent<HTMLElement>) => {
    if (
      !(event.metaKey || event.ctrlKey) ||
      event.key !== "Enter" ||
      !event.currentTarget.contains(event.target as Node)
    )
      return;
    event.preventDefault();
    send();
  };
  const dropped = (event: DragEvent) => {
    if (event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    for (const file of event.dataTransfer.files) void files.add(file, false);
  };
  const toText =
    Boolean(letter.kept.answering && letter.kept.answering.kind !== "forward") ||
    form.to.length > 0;
  const [focusText] = useState(toText);
  return (
    // Keys and files are for all that is in it.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <section
      className={`composer ${large ? "large" : ""}`}
      role="dialog"
      data-beside
      aria-label={form.subject || texts.newMessage}
      onKeyDownCapture={keys}
      onDragOver={(event) => event.preventDefault()}
      onDrop={dropped}
    >
      <Head desk={desk} letter={letter} large={large} setLarge={setLarge} />
      {sender && !sender.can_send && (
        <div className="notice" role="alert">
          {texts.smtpMissing}{" "}
          <Link
            to="/profile/email-account"
            onClick={() => void desk.close(letter)}
            className={look.wax}
          >
            {texts.emailAccount}
          </Link>
        </div>
      )}
      {senders.data?.length === 0 && !letter.stopped && (
        <div className="notice" role="alert">
          {texts.setUpFirst}{" "}
          <Link to="/profile/email-account" className={look.wax}>
            {texts.emailAccount}
          </Link>
        </div>
      )}
      <From letter={letter} senders={senders.data} />
      <People letter={letter} focus={!focusText} />
      <div className="line">
        <TextInput
          variant="unstyled"
          flex={1}
          aria-label={texts.subject}
          placeholder={texts.subject}
          value={form.subject}
          readOnly={letter.isReadOnly}
          onChange={(event) => letter.set({ subject: event.target.value })}
        />
      </div>
      <TextArea letter={letter} focus={focusText} onImage={(file) => void files.add(file, true)} />
      <FileList letter={letter} files={files} />
      <Notices desk={desk} letter={letter} />
      <footer>
        <Button
          loading={letter.phase === "sending" || letter.phase === "waiting"}
          disabled={!canSend && letter.phase === "writing"}
          onClick={send}
        >
          {texts.send}
        </Button>
        {!letter.isLocked && <FilePicker onPick={(picked) => void files.add(picked, false)} />}
        {!letter.isLocked && <CannedOf letter={letter} />}
        {letter.phase === "writing" && !letter.stopped && <Bin desk={desk} letter={letter} />}
      </footer>
      <Modal opened={forgotten} onClose={() => setForgotten(false)} title={texts.noAttachment}>
        <p className={look.atTop}>{texts.noAttachmentHint}</p>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setForgotten(false)}>
            {texts.back}
          </Button>
          <Button
            onClick={() => {
              setForgotten(false);
              void desk.send(letter);
            }}
          >
            {texts.sendAnyway}
          </Button>
        </Group>
      </Modal>
    </section>
  );
}

function Head({
  desk,
  letter,
  large,
  setLarge,
}: {
  desk: Desk;
  letter: Letter;
  large: boolean;
  setLarge: (large: boolean) => void;
}) {
  const queries = useQueryClient();
  const close = () =>
    void desk.close(letter).then(() => queries.invalidateQueries({ queryKey: ["drafts"] }));
  return (
    <header>
      <strong>{letter.form.subject || texts.newMessage}</strong>
      <Safety letter={letter} />
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={texts.putAside}
        onClick={() => desk.activate(undefined)}
      >
        <IconMinus size={17} stroke={1.6} />
      </ActionIcon>
      <ActionIcon
        className="wide-only"
        variant="subtle"
        color="gray"
        aria-label={large ? texts.makeSmall : texts.makeLarge}
        onClick={() => setLarge(!large)}
      >
        {large ? (
          <IconArrowsDiagonalMinimize2 size={17} stroke={1.6} />
        ) : (
          <IconArrowsDiagonal size={17} stroke={1.6} />
        )}
      </ActionIcon>
      <CloseButton aria-label={texts.close} onClick={close} />
    </header>
  );
}

function From({ letter, senders }: { letter: Letter; senders: Senders }) {
  const { account_id: account } = letter.form;
  const sender = senders?.find((one) => one.account_id === account);
  const isFixed = Boolean(letter.kept.thread) || letter.isLocked || (senders?.length ?? 0) < 2;
  return (
    <div className="line">
      <span className="name">{texts.from}</span>
      {isFixed ? (
        <span className="value">{sender ? toChip(sender) : ""}</span>
      ) : (
        <Select
          variant="unstyled"
          flex={1}
          aria-label={texts.from}
          allowDeselect={false}
          value={account}
          data={(senders ?? []).map((one) => ({ value: one.account_id, label: toChip(one) }))}
          onChange={(account_id) => account_id && letter.set({ account_id })}
        />
      )}
      {sender && <Seal accountId={sender.account_id} />}
    </div>
  );
}

function People({ letter, focus }: { letter: Letter; focus: boolean }) {
  const { form, fields, isReadOnly } = letter;
  const [asked, setMore] = useState(false);
  const more = asked || form.cc.length + form.bcc.length > 0;
  return (
    <>
      <div className="line">
        <Recipients
          label={texts.to}
          value={form.to}
          change={(to) => letter.set({ to })}
          error={fields.to}
          autoFocus={focus}
          readOnly={isReadOnly}
        />
        {!more && (
          <Button variant="subtle" color="gray" size="compact-sm" onClick={() => setMore(true)}>
            {texts.ccBcc}
          </Button>
        )}
      </div>
      {more && (
        <div className="line">
          <Recipients
            label={texts.cc}
            value={form.cc}
            change={(cc) => letter.set({ cc })}
            error={fields.cc}
            readOnly={isReadOnly}
          />
        </div>
      )}
      {more && (
        <div className="line">
          <Recipients
            label={texts.bcc}
            value={form.bcc}
            change={(bcc) => letter.set({ bcc })}
            error={fields.bcc}
            readOnly={isReadOnly}
          />
        </div>
      )}
    </>
  );
}

function CannedOf({ letter }: { letter: Letter }) {
  const session = useSession();
  const { fill } = letter.kept;
  const name = fill?.name ?? fromChip(letter.form.to[0] ?? "").name ?? "";
  return (
    <Canned
      letter={letter}
      fill={{ name, number: fill?.number ?? "", my_name: session.data?.name ?? "" }}
    />
  );
}

function Bin({ desk, letter }: { desk: Desk; letter: Letter }) {
  const remove = useDeleteDraft(desk);
  return (
    <Tooltip label={texts.deleteDraft}>
      <ActionIcon
        ml="auto"
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={texts.deleteDraft}
        onClick={() => remove(letter)}
      >
        <IconTrash size={18} stroke={1.6} />
      </ActionIcon>
    </Tooltip>
  );
}

/** With an undo: what is not on the server yet is taken there first. */
function useDeleteDraft(desk: Desk): (letter: Letter) => void {
  const queries = useQueryClient();
  const stale = () => queries.invalidateQueries({ queryKey: ["drafts"] });
  return (letter) => {
    const { draft, isBlank } = letter.kept;
    const away = desk.putAway(letter);
    void away.then(stale);
    if (!isBlank)
      offerUndo(
        `draft-${draft}`,
        texts.draftDeleted,
        () => void desk.getBack(draft, away).then(stale),
      );
  };
}
