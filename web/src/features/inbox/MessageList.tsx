import { ActionIcon, Button, Menu, Tooltip } from "@mantine/core";
import {
  IconArrowUp,
  IconDots,
  IconEye,
  IconMail,
  IconMailOpened,
  IconPaperclip,
  IconRestore,
  IconTrash,
} from "@tabler/icons-react";
import { useLongPress } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  type KeyboardEvent,
  memo,
  type MouseEvent,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { Avatar } from "../../components/Avatar";
import { Time } from "../../components/time";
import { texts } from "../../texts";
import type { AnswerKind } from "../composer/kept";
import { StateLabel } from "../outbox/Outbox";
import { type AuthorAct, isUnknown, mayDecide } from "./AuthorDialog";
import { isReport } from "./automatic";
import { messageQuery, type Row } from "./query";
import { mayReply } from "./ReadingPane";
import { doubts } from "./Sender";
import look from "../../design/look.module.css";
import styles from "./MessageList.module.css";

const ROW_PX = 57;
const COMPACT_ROW_PX = 40;

type Acts = {
  onOpen: (row: Row, byFinger: boolean) => void;
  onSelect: (row: Row, range: boolean) => void;
  onRead: (row: Row, read: boolean) => void;
  onDelete: (row: Row) => void;
  onAnswer: (row: Row, kind: AnswerKind) => void;
  onAuthor: (row: Row, act: AuthorAct) => void;
};

export function MessageList({
  rows,
  openId,
  cursorId,
  compact,
  selected,
  more,
  onStep,
  ...given
}: Acts & {
  rows: Row[];
  compact: boolean;
  openId?: string;
  cursorId?: string;
  selected: Set<string>;
  more: () => void;
  onStep: (step: number) => void;
}) {
  const acts = useSteady(given);
  const scroller = useRef<HTMLDivElement>(null);
  const height = compact ? COMPACT_ROW_PX : ROW_PX;
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 8,
  });
  const above = useKeepPlace(scroller, rows, height);
  useEffect(() => list.measure(), [list, height]);
  const visible = list.getVirtualItems();
  const last = visible.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 10) more();
  }, [last, rows.length, more]);
  useEffect(() => {
    const index = rows.findIndex((row) => row.id === cursorId);
    if (index >= 0) list.scrollToIndex(index, { align: "auto" });
    // The focus goes along, where the list has it.
    if (index >= 0 && focusedRow()) rowOf(scroller.current, cursorId)?.focus();
    // Only when the cursor moves; new rows must not scroll.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [cursorId]);
  // One row is reached by Tab, the others from there by the arrows.
  const stop = rows.some((row) => row.id === openId) ? openId : rows[visible[0]?.index ?? 0]?.id;
  const step = (event: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !focusedRow()) return;
    event.preventDefault();
    onStep(by);
  };
  return (
    <div className="rows-frame">
      <div role="status">
        {above.count > 0 && (
          <Button
            className="above"
            size="compact-sm"
            variant="default"
            leftSection={<IconArrowUp size={15} stroke={1.6} />}
            onClick={above.show}
          >
            {texts.arrived({ count: above.count })}
          </Button>
        )}
      </div>
      {/* The arrows go from row to row. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        className={`rows ${selected.size > 0 ? "selecting" : ""} ${compact ? "compact" : ""}`}
        ref={scroller}
        role="list"
        aria-label={texts.messages}
        onScroll={above.scrolled}
        onKeyDown={step}
      >
        <div
          className={styles.rows}
          // Calculated: as high as all rows, also those that are not drawn.
          // eslint-disable-next-line no-restricted-syntax
          style={{ height: list.getTotalSize(), minHeight: above.room }}
        >
          {visible.map((item) => {
            const row = rows[item.index];
            return row ? (
              <ListRow
                key={row.id}
                row={row}
                top={item.start}
                height={height}
                open={row.id === openId}
                isStop={row.id === stop}
                selected={selected.has(row.id)}
                acts={acts}
              />
            ) : null;
          })}
        </div>
      </div>
    </div>
  );
}

/**
 * New mail slides in above without moving what is being read, nor what the pointer is on: a press would open, or delete, another
 * message than the one that was aimed at. How many are above, out of sight, is said.
 */
function useKeepPlace(
  scroller: React.RefObject<HTMLDivElement | null>,
  rows: Row[],
  height: number,
) {
  const first = useRef<string | undefined>(undefined);
  const [above, setAbove] = useState(0);
  const [kept, setKept] = useState<number>();
  useLayoutEffect(() => {
    const top = scroller.current?.scrollTop ?? 0;
    const isAimedAt = scroller.current?.matches(":hover") ?? false;
    const shift = first.current ? rows.findIndex((row) => row.id === first.current) : 0;
    first.current = rows[0]?.id;
    if (shift <= 0 || (top === 0 && !isAimedAt)) return;
    setAbove((count) => count + shift);
    setKept(top + shift * height);
  }, [rows, scroller, height]);
  // Once there is room for it, and before anything is painted.
  useLayoutEffect(() => {
    if (kept !== undefined) scroller.current?.scrollTo({ top: kept });
  }, [kept, scroller]);
  const scrolled = () => {
    const seen = Math.floor((scroller.current?.scrollTop ?? 0) / height);
    if (seen === 0) setKept(undefined);
    setAbove((count) => Math.min(count, seen));
  };
  return {
    count: above,
    // A list that is too short to be scrolled so far is made longer.
    room: kept === undefined ? undefined : `calc(100% + ${kept}px)`,
    scrolled,
    show: () => scroller.current?.scrollTo({ top: 0 }),
  };
}

/** The same functions at every rendering, which do what the latest given ones do. */
function useSteady(given: Acts): Acts {
  const latest = useRef(given);
  useLayoutEffect(() => {
    latest.current = given;
  });
  const [steady] = useState<Acts>(() => ({
    onOpen: (row, byFinger) => latest.current.onOpen(row, byFinger),
    onSelect: (row, range) => latest.current.onSelect(row, range),
    onRead: (row, read) => latest.current.onRead(row, read),
    onDelete: (row) => latest.current.onDelete(row),
    onAnswer: (row, kind) => latest.current.onAnswer(row, kind),
    onAuthor: (row, act) => latest.current.onAuthor(row, act),
  }));
  return steady;
}

/** Only its place: new mail above moves every row, and what is in them stays as it is. */
function ListRow({
  row,
  top,
  height,
  open,
  isStop,
  selected,
  acts,
}: {
  row: Row;
  top: number;
  height: number;
  open: boolean;
  isStop: boolean;
  selected: boolean;
  acts: Acts;
}) {
  const press = (event: KeyboardEvent) => {
    if (event.target !== event.currentTarget || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    acts.onOpen(row, false);
  };
  // A finger that stays selects; the click that its leaving makes opens nothing.
  const isHeld = useRef(false);
  const held = useLongPress(
    () => {
      isHeld.current = true;
      acts.onSelect(row, false);
    },
    { events: ["touch"], cancelOnMove: true, onStart: () => (isHeld.current = false) },
  );
  const click = (event: MouseEvent) => {
    if (isHeld.current) {
      isHeld.current = false;
      return;
    }
    if (event.shiftKey || event.metaKey || event.ctrlKey) acts.onSelect(row, event.shiftKey);
    else acts.onOpen(row, isByFinger(event));
  };
  const queries = useQueryClient();
  // Of others' mail only what is really opened: their owner is told who opened what.
  const prefetch = () => void (row.right === "own" && queries.prefetchQuery(messageQuery(row.id)));
  return (
    // One stop of Tab for the whole list, as in every mail program; what is in a row has buttons of its own.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      className={`row ${row.unread ? "unread" : ""} ${open ? "open" : ""}`}
      // Calculated: where it stands among those that are not drawn.
      // eslint-disable-next-line no-restricted-syntax
      style={{ top, height }}
      role="listitem"
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={isStop ? 0 : -1}
      aria-current={open ? "true" : undefined}
      onClick={click}
      onKeyDown={press}
      onPointerEnter={prefetch}
      {...held}
      data-message={row.id}
    >
      <RowContent row={row} selected={selected} acts={acts} />
    </div>
  );
}

const RowContent = memo(function RowContent({
  row,
  selected,
  acts,
}: {
  row: Row;
  selected: boolean;
  acts: Acts;
}) {
  const { onOpen, onSelect, onRead, onDelete } = acts;
  const unknown = row.author_kind === "unknown";
  // Of several records, or of one that is not verified, none is picked.
  const party = row.disowned || row.parties.length !== 1 ? undefined : row.parties[0];
  const name = party?.name ?? (row.author_name || row.author_address || "?");
  const act = (event: MouseEvent, run: () => void) => {
    event.stopPropagation();
    run();
  };
  return (
    <>
      <span className="mark">
        {row.unread && <span className="dot" aria-label={texts.unread} role="img" />}
        <input
          type="checkbox"
          checked={selected}
          aria-label={texts.selectRow({ subject: row.subject })}
          onClick={(event) => event.stopPropagation()}
          onChange={() => onSelect(row, false)}
        />
      </span>
      <Avatar name={name} unknown={unknown} />
      <div className={look.shrinks}>
        <div className="top">
          <span className="author">
            {row.direction === "outgoing" ? `${row.owner_name} → ${row.recipients}` : name}
          </span>
          <span className="actions">
            <Action label={texts.view} onClick={(event) => act(event, () => onOpen(row, false))}>
              <IconEye size={17} stroke={1.6} />
            </Action>
            <Action
              label={row.unread ? texts.markRead : texts.markUnread}
              onClick={(event) => act(event, () => onRead(row, row.unread))}
            >
              {row.unread ? (
                <IconMailOpened size={17} stroke={1.6} />
              ) : (
                <IconMail size={17} stroke={1.6} />
              )}
            </Action>
            {mayDelete(row) && (
              <Action label={fateLabel(row)} onClick={(event) => act(event, () => onDelete(row))}>
                {row.deleted ? (
                  <IconRestore size={17} stroke={1.6} />
                ) : (
                  <IconTrash size={17} stroke={1.6} />
                )}
              </Action>
            )}
          </span>
          <RowMenu row={row} acts={acts} />
          <Time at={row.arrived_at} />
        </div>
        <div className="bottom">
          {row.junk && <span className="label orange">{texts.junk}</span>}
          {row.automatic && (
            <span className="label plain">
              {texts.automaticKinds[row.automatic] ?? row.automatic}
            </span>
          )}
          {doubts(row).length > 0 ? (
            <span className="label orange">{texts.disowned}</span>
          ) : (
            unknown &&
            !isReport(row.automatic) && <span className="label orange">{texts.authorNotFound}</span>
          )}
          {row.author_kind === "administrator" && (
            <span className="label plain">{texts.administrator}</span>
          )}
          {row.outbox && row.outbox !== "sent" && <StateLabel state={row.outbox} />}
          {row.parked && <span className="label plain">{texts.parked}</span>}
          {row.parties.length > 1 && <span className="label orange">{texts.ambiguous}</span>}
          <span className="text">
            {party ? (
              <Link
                className="subject"
                // The row is one stop of Tab; opened, the message has this link too.
                tabIndex={-1}
                to="/party/$id"
                params={{ id: party.id }}
                search={{ tab: "communication", thread: row.thread_id }}
                onClick={(event) => event.stopPropagation()}
              >
                {row.subject || texts.noSubject}
              </Link>
            ) : (
              <span className="subject">{row.subject || texts.noSubject}</span>
            )}{" "}
            {row.snippet}
          </span>
          {row.has_attachments && (
            <IconPaperclip
              size={15}
              stroke={1.6}
              aria-label={texts.hasAttachments}
              className={`${look.still} ${look.third}`}
            />
          )}
        </div>
      </div>
    </>
  );
});

/** Some browsers do not tell; then by whether anything can hover. */
const isByFinger = ({ nativeEvent }: MouseEvent) =>
  nativeEvent instanceof PointerEvent
    ? nativeEvent.pointerType === "touch"
    : window.matchMedia("(hover: none)").matches;

export const mayDelete = (row: Row) => row.right === "own" || row.right === "manage";

/** The message whose row has the focus. */
export const focusedRow = () => document.activeElement?.getAttribute("data-message") ?? undefined;

const rowOf = (list: HTMLElement | null, id?: string) =>
  list?.querySelector<HTMLElement>(`[data-message="${id}"]`);

/** The same place in the list deletes what is there and brings back what is deleted. */
const fateLabel = (row: Row) => (row.deleted ? texts.restore : texts.deleteMessage);

/** All that can be done with a row, also where nothing can hover. */
function RowMenu({ row, acts }: { row: Row; acts: Acts }) {
  return (
    // It only keeps what happens in it from the row.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions
    <span className="row-menu" onClick={(event) => event.stopPropagation()}>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={texts.actions}>
            <IconDots size={17} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <RowMenuItems row={row} acts={acts} />
        </Menu.Dropdown>
      </Menu>
    </span>
  );
}

function RowMenuItems({ row, acts }: { row: Row; acts: Acts }) {
  const answers = [
    ["reply", texts.reply],
    ["forward", texts.forward],
  ] as const;
  const strangers = [
    ["pair", texts.pairShort],
    ["customer", texts.addCustomer],
    ["lead", texts.addLead],
  ] as const;
  return (
    <>
      {mayReply(row) &&
        answers.map(([kind, label]) => (
          <Menu.Item key={kind} onClick={() => acts.onAnswer(row, kind)}>
            {label}
          </Menu.Item>
        ))}
      <Menu.Item onClick={() => acts.onRead(row, row.unread)}>
        {row.unread ? texts.markRead : texts.markUnread}
      </Menu.Item>
      {mayDecide(row) &&
        isUnknown(row) &&
        strangers.map(([act, label]) => (
          <Menu.Item key={act} onClick={() => acts.onAuthor(row, act)}>
            {label}
          </Menu.Item>
        ))}
      {mayDecide(row) && (
        <Menu.Item onClick={() => acts.onAuthor(row, "block")}>{texts.block}</Menu.Item>
      )}
      {mayDelete(row) && (
        <Menu.Item color={row.deleted ? undefined : "wax"} onClick={() => acts.onDelete(row)}>
          {fateLabel(row)}
        </Menu.Item>
      )}
    </>
  );
}

function Action({
  label,
  onClick,
  children,
}: {
  label: string;
  onClick: (event: MouseEvent) => void;
  children: React.ReactNode;
}) {
  return (
    <Tooltip label={label} openDelay={400}>
      <ActionIcon variant="subtle" color="gray" size="sm" aria-label={label} onClick={onClick}>
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
