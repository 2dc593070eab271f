import { useMutation, useQueryClient } from "@tanstack/react-query";
import { fieldsOf, messageOf, REPEATABLE } from "../client";
import type { Edits } from "./useEdits";

/** Saves a card; what is wrong comes back by field, the rest as one sentence. "Saved" is said until something else is typed. */
export function useSave<T>(edits: Edits<T>, save: (form: T) => Promise<unknown>) {
  const queries = useQueryClient();
  const mutation = useMutation({
    ...REPEATABLE,
    mutationFn: async () => {
      const sent = edits.form;
      await save(sent);
      edits.saved(sent);
    },
    onSuccess: () =>
      Promise.all(
        ["accounts", "status", "grants", "seal", "session", "senders"].map((key) =>
          queries.invalidateQueries({ queryKey: [key] }),
        ),
      ),
  });
  const wrong = fieldsOf(mutation.error);
  return {
    wrong,
    error:
      mutation.isError && Object.keys(wrong).length === 0 ? messageOf(mutation.error) : undefined,
    card: {
      onSave: () => mutation.mutate(),
      saving: mutation.isPending,
      saved: mutation.isSuccess && !edits.isEdited,
    },
  };
}
