import { useMutation, useQueryClient } from "@tanstack/react-query";
import { REPEATABLE } from "../client";
import type { Edits } from "./useEdits";
import { useRefused } from "./useRefused";

/**
 * Saves a card; what is wrong comes back by field, the rest as one sentence. "Saved" is said until something else is typed.
 *
 * `beside`: fields that are sent with it and kept elsewhere.
 */
export function useSave<T extends object>(
  edits: Edits<T>,
  save: (form: T) => Promise<unknown>,
  beside: object = {},
) {
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
  return {
    ...useRefused({ ...edits.form, ...beside }, mutation.error),
    card: {
      onSave: () => mutation.mutate(),
      saving: mutation.isPending,
      saved: mutation.isSuccess && !edits.isEdited,
    },
  };
}
