/** What is known of who wrote: verified, or why it is in doubt. */
import { Tooltip } from "@mantine/core";
import { IconAlertTriangle, IconRosetteDiscountCheck } from "@tabler/icons-react";
import { texts } from "../../texts";
import type { Row } from "./query";
import look from "../../design/look.module.css";

/** Why the message may not be from whom it says; the most telling first. */
export function doubts(row: Row): string[] {
  const said = row.sender_marks.flatMap((mark) => texts.senderDoubts[mark] ?? []);
  return row.lookalike_of
    ? [texts.lookalike({ address: row.author_address ?? "", of: row.lookalike_of }), ...said]
    : said;
}

export function SenderDoubts({ row }: { row: Row }) {
  const reasons = doubts(row);
  const elsewhere = row.sender_marks.includes("replies_elsewhere");
  if (reasons.length === 0 && !elsewhere) return null;
  return (
    <div className={reasons.length > 0 ? "notice doubt" : "notice"} role="note">
      <IconAlertTriangle size={18} stroke={1.6} className={look.still} />
      <div>
        {reasons.map((reason) => (
          <div key={reason}>{reason}</div>
        ))}
        {reasons.length > 0 && row.parties.length > 0 && <div>{texts.notAttributed}</div>}
        {elsewhere && <div>{texts.repliesElsewhere}</div>}
      </div>
    </div>
  );
}

export function VerifiedMark({ row }: { row: Row }) {
  if (!row.sender_marks.includes("verified") || row.lookalike_of) return null;
  const label = texts.verified({ domain: (row.author_address ?? "").split("@").at(-1) ?? "" });
  return (
    <Tooltip label={label}>
      <IconRosetteDiscountCheck
        size={17}
        stroke={1.6}
        role="img"
        aria-label={label}
        className="verified"
      />
    </Tooltip>
  );
}
