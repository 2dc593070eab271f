import { ActionIcon } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { EmptyState, ErrorState, RowsSkeleton, shownOf } from "../../components/states";
import { Time } from "../../components/time";
import { api, messageOf, unwrap } from "../../client";
import { texts } from "../../texts";
import { useComposer } from "../composer/context";
import { deleteDraft, restoreDraft } from "../composer/desk";
import { offerUndo } from "../../components/undo";
import look from "../../design/look.module.css";

export function Drafts() {
  const queries = useQueryClient();
  const composer = useComposer();
  const drafts = useQuery({
    queryKey: ["drafts"],
    queryFn: () => unwrap(api.GET("/api/v1/drafts")),
  });
  const shown = shownOf(drafts);
  const stale = () => queries.invalidateQueries({ queryKey: ["drafts"] });
  const failed = (error: unknown) =>
    notifications.show({ color: "red", message: messageOf(error) });
  const restore = useMutation({ mutationFn: restoreDraft, onSettled: stale, onError: failed });
  const remove = useMutation({
    mutationFn: deleteDraft,
    onSettled: stale,
    onError: failed,
    onSuccess: (_, id) => offerUndo(`draft-${id}`, texts.draftDeleted, () => restore.mutate(id)),
  });
  return (
    <div className="scroll">
      <div className="page">
        <h1 className={`${look.title} ${look.aboveContent}`}>{texts.drafts}</h1>
        {drafts.isPending && <RowsSkeleton />}
        {shown.error && <ErrorState error={shown.error} retry={() => void drafts.refetch()} />}
        {shown.data?.length === 0 && (
          <EmptyState title={texts.noDrafts} hint={texts.noDraftsHint} />
        )}
        {shown.data && shown.data.length > 0 && (
          <section className="card" role="list" aria-label={texts.drafts}>
            {shown.data.map(({ id, draft, updated_at }) => (
              <div key={id} role="listitem" className="draft-line">
                <button
                  type="button"
                  className="thread-line"
                  onClick={() => composer.openDraft(id)}
                >
                  <span className={`${look.grow} ${look.shrinks}`}>
                    <span className="subject">{draft.subject || texts.noSubject}</span>
                    <span className="contacted">
                      {(draft.to ?? []).map((one) => one.name || one.address).join(", ") ||
                        texts.nobodyYet}{" "}
                      · <Time at={updated_at} long />
                    </span>
                  </span>
                </button>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size="lg"
                  aria-label={texts.deleteDraft}
                  onClick={() => remove.mutate(id)}
                >
                  <IconTrash size={18} stroke={1.6} />
                </ActionIcon>
              </div>
            ))}
          </section>
        )}
      </div>
    </div>
  );
}
