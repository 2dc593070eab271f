import { ActionIcon, Button, Collapse, Group, Menu, Modal, Skeleton, Tooltip } from "@mantine/core";
import {
  IconArrowBackUp,
  IconArrowForwardUp,
  IconArrowLeft,
  IconCheck,
  IconChevronDown,
  IconChevronUp,
  IconDots,
  IconDownload,
  IconFile,
} from "@tabler/icons-react";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Avatar } from "../../components/Avatar";
import { Seal } from "../../components/Seal";
import { Folded } from "../../components/Folded";
import { EmptyState, ErrorState, shownOf } from "../../components/states";
import { exactTime, Time } from "../../components/time";
import { useKeys } from "../../components/useKeys";
import { ApiProblem, api, type Schemas, unwrap } from "../../client";
import { fileSize } from "../../formats";
import { texts } from "../../texts";
import { useComposer } from "../composer/context";
import type { AnswerKind } from "../composer/kept";
import { DeliveryOf } from "../outbox/Outbox";
import { useMessageActions } from "./actions";
import { offerUndo } from "../../components/undo";
import { Arrived, useArrivals } from "./arrivals";
import { isReport } from "./automatic";
import { type AuthorAct, AuthorDialog, isUnknown, mayDecide } from "./AuthorDialog";
import { Enclosed } from "./Enclosed";
import { EncodingDialog, ReadAs, type Reading } from "./Encoding";
import { MailFrame, useImagesAlways } from "./MailFrame";
import { printMessage } from "./print";
import { messageQuery, REOPEN_MS } from "./query";
import { doubts, SenderDoubts, VerifiedMark } from "./Sender";
import look from "../../design/look.module.css";
import styles from "./ReadingPane.module.css";

/** What the server gives as an image, not as a download. */
const PREVIEWED = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"];
const MAX_PREVIEW_BYTES = 10_000_000;
const SHOWN_FILES = 6;

type Around = {
  onBack: () => void;
  onDeleted: () => void;
  /** To the next or the previous message of the list. */
  onStep?: (step: number) => void;
  /** To a message of the same conversation that has arrived meanwhile. */
  onShow?: (id: string) => void;
  /** In a thread, which has the head: more entries of the menu. */
  embedded?: { menu: React.ReactNode; onFold: () => void };
};

export function ReadingPane({ id, ...around }: Around & { id?: string }) {
  const { embedded, onBack } = around;
  const [chosen, setChosen] = useState<{ id?: string; encoding?: string }>({});
  const encoding = chosen.id === id ? chosen.encoding : undefined;
  const message = useQuery({
    ...messageQuery(id ?? "", encoding),
    enabled: Boolean(id),
    refetchInterval: REOPEN_MS,
  });
  const { data: view, error } = shownOf(message);
  const { setRead } = useMessageActions();
  const openedUnread = message.data?.row.unread && message.data.row.id === id;
  useEffect(() => {
    if (id && openedUnread) setRead([id], true);
    // Once for each opening; marking it unread again must not be undone by this.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [id, openedUnread]);
  return (
    <section className={embedded ? "embedded" : "reading"} aria-label={texts.messageText}>
      {view && !embedded && around.onShow && (
        <ArrivedBeside key={view.row.thread_id} row={view.row} onShow={around.onShow} />
      )}
      {!id && <EmptyState title={texts.pickMessage} />}
      {id && message.isPending && <Loading onBack={onBack} />}
      {id &&
        error &&
        (error instanceof ApiProblem && error.status === 404 ? (
          <EmptyState title={texts.notHere} hint={texts.notHereHint}>
            <Button variant="default" onClick={onBack}>
              {texts.back}
            </Button>
          </EmptyState>
        ) : (
          <ErrorState error={error} retry={() => void message.refetch()} />
        ))}
      {id && view && (
        <Message
          view={view}
          {...around}
          reading={{ encoding, onRead: (encoding) => setChosen({ id, encoding }) }}
        />
      )}
    </section>
  );
}

/** The conversation of what is read, while it is read alone. */
function ArrivedBeside({
  row,
  onShow,
}: {
  row: Schemas["MessageRow"];
  onShow: (id: string) => void;
}) {
  const thread = useQuery({
    queryKey: ["conversation", "thread", row.thread_id],
    queryFn: () =>
      unwrap(api.GET("/api/v1/threads/{id}", { params: { path: { id: row.thread_id } } })),
  });
  const { arrived, takeNote } = useArrivals(
    thread.data?.messages.map((found) => found.message),
    thread.isSuccess && !thread.isFetching,
  );
  const others = arrived.filter((message) => message.id !== row.id);
  const show = () => {
    takeNote();
    onShow(others.at(-1)?.id ?? row.id);
  };
  return <Arrived count={others.length} onShow={show} />;
}

function Loading({ onBack }: { onBack: () => void }) {
  return (
    <div className="head" aria-busy aria-label={texts.loading}>
      <BackButton onBack={onBack} />
      <Skeleton height={22} width="60%" mb={14} />
      <Skeleton height={14} width="40%" mb={24} />
      <Skeleton height={14} mb={10} />
      <Skeleton height={14} width="90%" />
    </div>
  );
}

function BackButton({ onBack }: { onBack: () => void }) {
  return (
    <ActionIcon
      className="back"
      variant="subtle"
      color="gray"
      aria-label={texts.back}
      onClick={onBack}
      mb={6}
    >
      <IconArrowLeft size={20} stroke={1.6} />
    </ActionIcon>
  );
}

function Message({
  view,
  embedded,
  onBack,
  onDeleted,
  onStep,
  reading,
}: Around & { view: Schemas["MessageView"]; reading: Reading }) {
  const { row } = view;
  const { reparse, restore, isPending } = useMessageActions();
  const mayManage = row.right === "own" || row.right === "manage";
  const files = view.attachments.filter((file) => !file.inline);
  const inDoubt = doubts(row).length > 0;
  return (
    <>
      {!embedded && (
        <header className="head">
          <BackButton onBack={onBack} />
          <div className="subject-line">
            <h2>{row.subject || texts.noSubject}</h2>
            {mayReply(row) ? <Answers row={row} /> : <NoAnswers row={row} />}
            {onStep && <Steps row={row} onStep={onStep} />}
            <MessageMenu view={view} onDeleted={onDeleted} reading={reading} />
          </div>
          <div className={styles.marks}>
            <Seal accountId={row.account_id} isSystem={row.is_system} />
            {row.junk && <span className="label orange">{texts.junk}</span>}
            {row.automatic && (
              <span className="label plain">
                {texts.automaticKinds[row.automatic] ?? row.automatic}
              </span>
            )}
            {row.author_kind === "unknown" && !inDoubt && !isReport(row.automatic) && (
              <span className="label orange">{texts.authorNotFound}</span>
            )}
            <PartyLinks row={row} />
          </div>
          {mayManage && !row.deleted && (row.disowned || row.parties.length > 1) && (
            <WhoseThread row={row} />
          )}
          {mayDecide(row) && <AuthorActions row={row} />}
        </header>
      )}
      <div className="body">
        {row.deleted && (
          <div className="notice" role="note">
            <span className={look.grow}>{texts.isDeleted}</span>
            {mayManage && (
              <Button
                size="compact-sm"
                variant="default"
                loading={isPending}
                onClick={() => restore([row.id])}
              >
                {texts.restore}
              </Button>
            )}
          </div>
        )}
        <SenderDoubts row={row} />
        <From
          view={view}
          menu={
            embedded && (
              <MessageMenu
                view={view}
                onDeleted={onDeleted}
                more={embedded.menu}
                reading={reading}
              />
            )
          }
          onFold={embedded?.onFold}
        />
        {row.outbox && <DeliveryOf id={row.id} />}
        <ReadAs {...reading} />
        {view.note && (
          <div className="notice" role="note">
            <span className={look.grow}>{view.note}</span>
            {row.parked && mayManage && (
              <Button
                size="compact-sm"
                variant="default"
                loading={reparse.isPending}
                onClick={() => reparse.mutate(row.id)}
              >
                {texts.retry}
              </Button>
            )}
          </div>
        )}
        {files.length > 0 && (
          <div className="file-list">
            <Folded
              between=""
              shown={SHOWN_FILES}
              items={files.map((file) => (
                <FileChip key={file.url} file={file} />
              ))}
            />
          </div>
        )}
        <Enclosed view={view} />
        {view.frame ? (
          <MailFrame
            key={`${row.id} ${view.frame.always} ${reading.encoding ?? ""}`}
            row={row}
            frame={view.frame}
            height={embedded ? frameHeight(view) : undefined}
          />
        ) : view.text.length > 0 ? (
          <div>
            {view.text.map((block, index) => (
              <TextBlock key={index} block={block} />
            ))}
          </div>
        ) : (
          <p className="mail-text">{files.length > 0 ? texts.onlyFiles : texts.noText}</p>
        )}
      </div>
    </>
  );
}

export const mayReply = (row: Schemas["MessageRow"]) => row.right !== "see" && !row.deleted;

function Answers({ row }: { row: Schemas["MessageRow"] }) {
  const answer = useAnswer();
  useKeys({
    r: { does: texts.reply, run: () => answer(row, "reply") },
    a: { does: texts.replyAll, run: () => answer(row, "reply_all") },
    f: { does: texts.forward, run: () => answer(row, "forward") },
  });
  return (
    <>
      <Button
        size="compact-md"
        variant="default"
        leftSection={<IconArrowBackUp size={16} stroke={1.6} />}
        onClick={() => answer(row, "reply")}
      >
        {texts.reply}
      </Button>
      <Button
        className="wide-only"
        size="compact-md"
        variant="default"
        leftSection={<IconArrowForwardUp size={16} stroke={1.6} />}
        onClick={() => answer(row, "forward")}
      >
        {texts.forward}
      </Button>
    </>
  );
}

/** A key that does nothing says why. */
function NoAnswers({ row }: { row: Schemas["MessageRow"] }) {
  const said = row.deleted ? texts.deletedIsNotAnswered : texts.mayNotReply;
  const run = () => notifications.show({ id: "no-answer", message: said });
  useKeys({
    r: { does: texts.reply, run },
    a: { does: texts.replyAll, run },
    f: { does: texts.forward, run },
  });
  return null;
}

/** A known author's message is answered where the conversation is. */
export function useAnswer() {
  const composer = useComposer();
  const navigate = useNavigate();
  return (row: Schemas["MessageRow"], kind: AnswerKind) => {
    const party = row.parties.length === 1 && !row.disowned ? row.parties[0] : undefined;
    composer.answer(row.id, kind);
    if (party)
      void navigate({
        to: "/party/$id",
        params: { id: party.id },
        search: { tab: "communication", thread: row.thread_id },
      });
  };
}

function Steps({ row, onStep }: { row: Schemas["MessageRow"]; onStep: (step: number) => void }) {
  const { setRead } = useMessageActions();
  const done = () => {
    setRead([row.id], true);
    onStep(1);
  };
  return (
    <ActionIcon.Group>
      <Tooltip label={texts.previous}>
        <ActionIcon
          variant="default"
          size="lg"
          aria-label={texts.previous}
          onClick={() => onStep(-1)}
        >
          <IconChevronUp size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={texts.next}>
        <ActionIcon variant="default" size="lg" aria-label={texts.next} onClick={() => onStep(1)}>
          <IconChevronDown size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={texts.done}>
        <ActionIcon variant="default" size="lg" aria-label={texts.done} onClick={done}>
          <IconCheck size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
    </ActionIcon.Group>
  );
}

/** A sandboxed frame cannot tell its height, so that of its text is guessed; it scrolls where that is too little. */
function frameHeight(view: Schemas["MessageView"]): number {
  const own = view.text.filter((block) => block.kind !== "quote").map((block) => block.text);
  const lines = own
    .join("")
    .split("\n")
    .reduce((count, line) => count + 1 + Math.floor(line.length / 80), 0);
  const images = view.attachments.filter((file) => file.inline).length;
  return Math.min(Math.max(90 + lines * 25 + images * 160, 140), 720);
}

/** The writer's own words; what is quoted and the signature are folded, never dropped. */
function TextBlock({ block }: { block: Schemas["TextBlockView"] }) {
  const text = <p className="mail-text">{block.text.replace(/\s+$/, "")}</p>;
  if (block.kind === "own") return text;
  const label = block.kind === "quote" ? texts.showQuoted : texts.showSignature;
  return (
    <details className="quoted">
      <summary title={label} aria-label={label}>
        ⋯
      </summary>
      {text}
    </details>
  );
}

/** One address on several records, or one that is not verified: a person says whose the conversation is. */
function WhoseThread({ row }: { row: Schemas["MessageRow"] }) {
  const queries = useQueryClient();
  const path = { params: { path: { id: row.thread_id } } };
  const refresh = () =>
    Promise.all(
      ["messages", "message", "conversation"].map((key) =>
        queries.invalidateQueries({ queryKey: [key] }),
      ),
    );
  const takeBack = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/threads/{id}/party", path)),
    onSuccess: refresh,
  });
  const choose = useMutation({
    mutationFn: (party: Schemas["PartyNameView"]) =>
      unwrap(api.PUT("/api/v1/threads/{id}/party", { ...path, body: { party_id: party.id } })),
    onSuccess: async (_, party) => {
      await refresh();
      offerUndo(`choose-${row.thread_id}`, texts.chosen({ name: party.name }), () =>
        takeBack.mutate(),
      );
    },
  });
  return (
    <Group gap={8} mt={12} role="group" aria-label={texts.whose}>
      <span className={look.small}>{texts.whose}</span>
      {row.parties.map((party) => (
        <Button
          key={party.id}
          size="compact-sm"
          variant="default"
          loading={choose.isPending && choose.variables.id === party.id}
          onClick={() => choose.mutate(party)}
        >
          {party.name}
        </Button>
      ))}
    </Group>
  );
}

/** Whose mail it is; several records are shown as they are, never picked from. */
function PartyLinks({ row }: { row: Schemas["MessageRow"] }) {
  return (
    <>
      {doubts(row).length > 0 && <span className="label orange">{texts.disowned}</span>}
      {row.parties.length > 1 && <span className="label orange">{texts.ambiguous}</span>}
      {row.parties.map((party) => (
        <Link
          key={party.id}
          to="/party/$id"
          params={{ id: party.id }}
          search={{ tab: "communication", thread: row.thread_id }}
          className={`${look.wax} ${look.strong}`}
        >
          {party.name}
        </Link>
      ))}
    </>
  );
}

function AuthorActions({ row }: { row: Schemas["MessageRow"] }) {
  const [act, setAct] = useState<AuthorAct>();
  const unknown = isUnknown(row);
  useKeys({
    ...(unknown && { p: { does: texts.pairShort, run: () => setAct("pair") } }),
    b: { does: texts.blockShort, run: () => setAct("block") },
  });
  const strangers: [AuthorAct, string][] = [
    ["pair", texts.pairShort],
    ["customer", texts.addCustomer],
    ["lead", texts.addLead],
  ];
  const block: [AuthorAct, string] = ["block", texts.block];
  const choices = unknown ? [...strangers, block] : [block];
  return (
    <Group gap={8} mt={12}>
      {choices.map(([choice, label]) => (
        <Button key={choice} size="compact-sm" variant="default" onClick={() => setAct(choice)}>
          {label}
        </Button>
      ))}
      {act && <AuthorDialog row={row} act={act} onClose={() => setAct(undefined)} />}
    </Group>
  );
}

function From({
  view,
  menu,
  onFold,
}: {
  view: Schemas["MessageView"];
  menu?: React.ReactNode;
  onFold?: () => void;
}) {
  const { row } = view;
  const [details, setDetails] = useState(false);
  const to = view.addresses
    .filter((address) => address.role === "to")
    .map((address) => address.name || address.address);
  return (
    <div>
      <div className="letter">
        <Avatar
          name={row.author_name || row.author_address || "?"}
          unknown={row.author_kind === "unknown"}
        />
        <div className={`${look.grow} ${look.shrinks} ${look.breaks}`}>
          <strong>{row.author_name || row.author_address}</strong>{" "}
          {row.author_name && <span className={look.second}>{row.author_address}</span>}{" "}
          <VerifiedMark row={row} />
          <div className={look.note}>
            {texts.to}: {to.length > 0 ? <Folded items={to} /> : texts.nobodyNamed}{" "}
            <button
              type="button"
              onClick={() => setDetails(!details)}
              aria-expanded={details}
              className={styles.more}
            >
              {texts.details}
            </button>
          </div>
        </div>
        <div className="when">
          <Time at={row.arrived_at} long />
          <span className="figures">{exactTime(new Date(row.arrived_at))}</span>
        </div>
        {menu && (
          <Group gap={6} wrap="nowrap">
            {onFold && (
              <ActionIcon variant="default" size="lg" aria-label={texts.fold} onClick={onFold}>
                <IconChevronUp size={18} stroke={1.6} />
              </ActionIcon>
            )}
            {menu}
          </Group>
        )}
      </div>
      <Collapse expanded={details}>
        <dl className={styles.details}>
          {view.addresses.map((address, index) => (
            <div key={index} className={look.pair}>
              <dt className={look.third}>{address.role.replace("_", "-")}</dt>
              <dd className={`${look.flush} ${look.breaks}`}>
                {address.name} {address.address && `<${address.address}>`}
              </dd>
            </div>
          ))}
          {view.checked && view.checked.results.length > 0 && (
            <>
              <dt className={look.third}>{texts.checkedBy}</dt>
              <dd className={look.flush}>
                {view.checked.server}:{" "}
                {view.checked.results
                  .map((check) => `${check.method.toUpperCase()} ${check.result}`)
                  .join(", ")}
              </dd>
            </>
          )}
          {row.dated_at && (
            <>
              <dt className={look.third}>{texts.dated}</dt>
              <dd className={look.flush}>{exactTime(new Date(row.dated_at))}</dd>
            </>
          )}
        </dl>
      </Collapse>
    </div>
  );
}

function MessageMenu({
  view,
  onDeleted,
  more,
  reading,
}: {
  view: Schemas["MessageView"];
  onDeleted: () => void;
  more?: React.ReactNode;
  reading: Reading;
}) {
  const { row } = view;
  const { remove, setRead } = useMessageActions();
  const [source, setSource] = useState(false);
  const [choosing, setChoosing] = useState(false);
  const always = useImagesAlways(row.id);
  const composer = useComposer();
  const mayTake = row.right !== "see";
  const mayDelete = !row.deleted && (row.right === "own" || row.right === "manage");
  const raw = `/api/v1/messages/${row.id}`;
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size="lg" aria-label={texts.more}>
            <IconDots size={18} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {mayReply(row) && (
            <Menu.Item onClick={() => composer.answer(row.id, "reply")}>{texts.reply}</Menu.Item>
          )}
          {mayReply(row) && (
            <Menu.Item onClick={() => composer.answer(row.id, "reply_all")}>
              {texts.replyAll}
            </Menu.Item>
          )}
          {mayReply(row) && (
            <Menu.Item onClick={() => composer.answer(row.id, "forward")}>
              {texts.forward}
            </Menu.Item>
          )}
          <Menu.Item onClick={() => setRead([row.id], false)}>{texts.markUnread}</Menu.Item>
          {!row.parked && (
            <Menu.Item onClick={() => setChoosing(true)}>{texts.otherEncoding}</Menu.Item>
          )}
          {mayTake && <Menu.Item onClick={() => setSource(true)}>{texts.showSource}</Menu.Item>}
          {mayTake && (
            <Menu.Item component="a" href={`${raw}/eml`} download>
              {texts.downloadEml}
            </Menu.Item>
          )}
          <Menu.Item onClick={() => printMessage(view)}>{texts.print}</Menu.Item>
          {view.frame?.always && (
            <Menu.Item onClick={() => always.mutate(false)}>{texts.neverImages}</Menu.Item>
          )}
          {more}
          {mayDelete && (
            <Menu.Item
              color="wax"
              onClick={() => {
                remove([row.id]);
                onDeleted();
              }}
            >
              {texts.deleteMessage}
            </Menu.Item>
          )}
          {mayDelete && row.right === "own" && (
            <Menu.Item
              color="wax"
              onClick={() => {
                remove([row.id], true);
                onDeleted();
              }}
            >
              {texts.deleteEverywhere}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      {source && <Source id={row.id} onClose={() => setSource(false)} />}
      {choosing && <EncodingDialog {...reading} onClose={() => setChoosing(false)} />}
    </>
  );
}

function Source({ id, onClose }: { id: string; onClose: () => void }) {
  const source = useQuery({
    queryKey: ["source", id],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/messages/{id}/source", { params: { path: { id } }, parseAs: "text" }),
      ),
  });
  return (
    <Modal opened onClose={onClose} title={texts.showSource} size="xl">
      {source.isError ? (
        <ErrorState error={source.error} retry={() => void source.refetch()} />
      ) : (
        <pre className={styles.source}>{source.data ?? "..."}</pre>
      )}
    </Modal>
  );
}

/** An image is shown small; everything else is a name and a size. */
function FileChip({ file }: { file: Schemas["AttachmentView"] }) {
  return (
    <a className="file" href={file.url} download={file.name}>
      {PREVIEWED.includes(file.content_type) && file.size_bytes < MAX_PREVIEW_BYTES ? (
        <img className="thumb" src={file.url} alt="" loading="lazy" />
      ) : (
        <IconFile size={20} stroke={1.6} className={look.still} />
      )}
      <span className={styles.fileName}>
        {file.name}
        <br />
        {file.other_name && (
          <>
            <small className={look.doubtful}>{texts.alsoCalled({ name: file.other_name })}</small>
            <br />
          </>
        )}
        <small className={look.third}>{fileSize(file.size_bytes)}</small>
      </span>
      <IconDownload size={17} stroke={1.6} className={look.still} />
    </a>
  );
}
