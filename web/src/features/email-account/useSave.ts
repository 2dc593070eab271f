import { useMutation, useQueryClient } from "@tanstack/react-query";
import { fieldsOf, messageOf } from "../../client";

/** Saves a card; what is wrong comes back by field, the rest as one sentence. */
export function useSave(save: () => Promise<unknown>) {
  const queries = useQueryClient();
  const mutation = useMutation({
    mutationFn: save,
    onSuccess: () => Promise.all(["accounts", "status", "grants", "seal"].map((key) => queries.invalidateQueries({ queryKey: [key] }))),
  });
  const wrong = fieldsOf(mutation.error);
  return {
    wrong,
    error: mutation.isError && Object.keys(wrong).length === 0 ? messageOf(mutation.error) : undefined,
    card: { onSave: () => mutation.mutate(), saving: mutation.isPending, saved: mutation.isSuccess },
  };
}
