/** What can be done with an author: whom nobody knows, or who is known and can still be blocked. */
import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "../../client";
import { offerUndo } from "../../components/undo";
import { texts } from "../../texts";
import { NEW_PARTY, PartyForm } from "../parties/PartyForm";
import { isReport } from "./automatic";
import { BlockDialog } from "./BlockDialog";
import { PairDialog } from "./PairDialog";
import type { Row } from "./query";

export type AuthorAct = "pair" | "customer" | "lead" | "block";

/** The author is somebody outside, and the viewer may decide about them. */
export const mayDecide = (row: Row) =>
  (row.right === "own" || row.right === "manage") &&
  !row.deleted &&
  row.direction === "incoming" &&
  row.author_kind !== "owner" &&
  row.author_kind !== "administrator" &&
  !isReport(row.automatic);

export const isUnknown = (row: Row) => row.parties.length === 0;

export function AuthorDialog({
  row,
  act,
  onClose,
}: {
  row: Row;
  act: AuthorAct;
  onClose: () => void;
}) {
  if (act === "pair") return <PairDialog row={row} onClose={onClose} />;
  if (act === "block") return <BlockDialog row={row} onClose={onClose} />;
  return <AddDialog row={row} kind={act} onClose={onClose} />;
}

function AddDialog({
  row,
  kind,
  onClose,
}: {
  row: Row;
  kind: "customer" | "lead";
  onClose: () => void;
}) {
  const queries = useQueryClient();
  const takeAway = useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE("/api/v1/parties/{id}", { params: { path: { id } } })),
    onSettled: () =>
      Promise.all(
        ["messages", "message", "parties", "conversation"].map((key) =>
          queries.invalidateQueries({ queryKey: [key] }),
        ),
      ),
  });
  return (
    <Modal
      opened
      onClose={onClose}
      title={kind === "lead" ? texts.addLead : texts.addCustomer}
      size="lg"
    >
      <PartyForm
        initial={{
          ...NEW_PARTY,
          kind,
          name: row.author_name,
          addresses: row.author_address ? [row.author_address] : [],
        }}
        onSaved={(id, name) => {
          onClose();
          offerUndo(`added-${id}`, texts.added({ name }), () => takeAway.mutate(id));
        }}
      />
    </Modal>
  );
}
