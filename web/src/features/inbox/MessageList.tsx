import { ActionIcon, Tooltip } from "@mantine/core";
import { IconEye, IconMail, IconMailOpened, IconPaperclip, IconTrash } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type MouseEvent, useEffect, useLayoutEffect, useRef } from "react";
import { Avatar } from "../../components/Avatar";
import { Time } from "../../components/time";
import { texts } from "../../texts";
import type { Row } from "./query";

const ROW_PX = 57;

export function MessageList({ rows, openId, cursorId, selected, onOpen, onSelect, onRead, onDelete, more }: {
  rows: Row[];
  openId?: string;
  cursorId?: string;
  selected: Set<string>;
  onOpen: (row: Row) => void;
  onSelect: (row: Row, range: boolean) => void;
  onRead: (row: Row, read: boolean) => void;
  onDelete: (row: Row) => void;
  more: () => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const list = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW_PX, overscan: 8 });
  useKeepPlace(scroller, rows);
  const visible = list.getVirtualItems();
  const last = visible.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - 10) more();
  }, [last, rows.length, more]);
  useEffect(() => {
    const index = rows.findIndex((row) => row.id === cursorId);
    if (index >= 0) list.scrollToIndex(index, { align: "auto" });
    // Only when the cursor moves; new rows must not scroll.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [cursorId]);
  return (
    <div className={`rows ${selected.size > 0 ? "selecting" : ""}`} ref={scroller} role="list" aria-label={texts.messages}>
      <div style={{ height: list.getTotalSize(), position: "relative" }}>
        {visible.map((item) => {
          const row = rows[item.index];
          return row ? (
            <ListRow
              key={row.id}
              row={row}
              top={item.start}
              open={row.id === openId}
              selected={selected.has(row.id)}
              onOpen={onOpen}
              onSelect={onSelect}
              onRead={onRead}
              onDelete={onDelete}
            />
          ) : null;
        })}
      </div>
    </div>
  );
}

/** New mail slides in above without moving what is being read. */
function useKeepPlace(scroller: React.RefObject<HTMLDivElement | null>, rows: Row[]) {
  const first = useRef<string | undefined>(undefined);
  useLayoutEffect(() => {
    const box = scroller.current;
    const shift = first.current ? rows.findIndex((row) => row.id === first.current) : 0;
    if (box && box.scrollTop > 0 && shift > 0) box.scrollBy(0, shift * ROW_PX);
    first.current = rows[0]?.id;
  }, [rows, scroller]);
}

function ListRow({ row, top, open, selected, onOpen, onSelect, onRead, onDelete }: {
  row: Row;
  top: number;
  open: boolean;
  selected: boolean;
  onOpen: (row: Row) => void;
  onSelect: (row: Row, range: boolean) => void;
  onRead: (row: Row, read: boolean) => void;
  onDelete: (row: Row) => void;
}) {
  const unknown = row.author_kind === "unknown";
  const name = row.author_name || row.author_address || "?";
  const act = (event: MouseEvent, run: () => void) => {
    event.stopPropagation();
    run();
  };
  const click = (event: MouseEvent) => {
    if (event.shiftKey || event.metaKey || event.ctrlKey) onSelect(row, event.shiftKey);
    else onOpen(row);
  };
  const mayDelete = row.right === "own" || row.right === "manage";
  return (
    <div className={`row ${row.unread ? "unread" : ""} ${open ? "open" : ""}`} style={{ top, height: ROW_PX }} role="listitem" onClick={click} data-message={row.id}>
      <span className="mark">
        {row.unread && <span className="dot" aria-label="Unread" role="img" />}
        <input type="checkbox" checked={selected} aria-label={`Select ${row.subject}`} onClick={(event) => event.stopPropagation()} onChange={() => onSelect(row, false)} />
      </span>
      <Avatar name={name} unknown={unknown} />
      <div style={{ minWidth: 0 }}>
        <div className="top">
          <span className="author">{row.direction === "outgoing" ? `${row.owner_name} → ${row.recipients}` : name}</span>
          <span className="actions">
            <Action label={texts.view} onClick={(event) => act(event, () => onOpen(row))}><IconEye size={17} stroke={1.6} /></Action>
            <Action label={row.unread ? texts.markRead : texts.markUnread} onClick={(event) => act(event, () => onRead(row, row.unread))}>
              {row.unread ? <IconMailOpened size={17} stroke={1.6} /> : <IconMail size={17} stroke={1.6} />}
            </Action>
            {mayDelete && <Action label={texts.deleteMessage} onClick={(event) => act(event, () => onDelete(row))}><IconTrash size={17} stroke={1.6} /></Action>}
          </span>
          <Time at={row.arrived_at} />
        </div>
        <div className="bottom">
          {unknown && <span className="label orange">{texts.authorNotFound}</span>}
          {row.author_kind === "administrator" && <span className="label plain">{texts.administrator}</span>}
          {row.parked && <span className="label plain">{texts.parked}</span>}
          <span className="text"><span className="subject">{row.subject || texts.noSubject}</span> {row.snippet}</span>
          {row.has_attachments && <IconPaperclip size={15} stroke={1.6} aria-label="Has attachments" style={{ flex: "none", color: "var(--ink3)" }} />}
        </div>
      </div>
    </div>
  );
}

function Action({ label, onClick, children }: { label: string; onClick: (event: MouseEvent) => void; children: React.ReactNode }) {
  return (
    <Tooltip label={label} openDelay={400}>
      <ActionIcon variant="subtle" color="gray" size="sm" aria-label={label} onClick={onClick}>{children}</ActionIcon>
    </Tooltip>
  );
}
