import { Button, Group, SegmentedControl, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useEdits } from "../../components/useEdits";
import { api, REPEATABLE, type Schemas, unwrap } from "../../client";
import { useRefused } from "../../components/useRefused";
import { newId } from "../../ids";
import { texts } from "../../texts";
import look from "../../design/look.module.css";
import styles from "./PartyForm.module.css";

type Form = Schemas["PartyRequest"];
export const NEW_PARTY: Form = {
  kind: "customer",
  name: "",
  number: "",
  phone: "",
  status: texts.active,
  external_id: null,
  notes: "",
  addresses: [],
};

/** A record to be made, or (with `id`) changed. */
export function PartyForm({
  initial,
  id,
  onSaved,
}: {
  initial: Form;
  id?: string;
  onSaved: (id: string, name: string) => void;
}) {
  const queries = useQueryClient();
  const edits = useEdits(initial);
  const { form, set } = edits;
  // Saved again because the answer was lost, it is the same record.
  const [newParty] = useState(newId);
  const save = useMutation({
    ...REPEATABLE,
    mutationFn: async () => {
      if (!id)
        return (await unwrap(api.POST("/api/v1/parties", { body: { ...form, id: newParty } }))).id;
      await unwrap(api.PUT("/api/v1/parties/{id}", { params: { path: { id } }, body: form }));
      edits.saved(form);
      return id;
    },
    onSuccess: async (saved) => {
      await Promise.all(
        ["parties", "party", "messages", "message", "conversation"].map((key) =>
          queries.invalidateQueries({ queryKey: [key] }),
        ),
      );
      onSaved(saved, form.name);
    },
  });
  const { wrong, error } = useRefused(form, save.error);
  return (
    <form
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        save.mutate();
      }}
      className={styles.form}
    >
      <SegmentedControl
        aria-label={texts.kind}
        value={form.kind}
        onChange={(kind) => set({ kind })}
        data={[
          { value: "customer", label: texts.customer },
          { value: "lead", label: texts.lead },
        ]}
        className={styles.kind}
      />
      <TextInput
        label={texts.name}
        value={form.name}
        onChange={(event) => set({ name: event.target.value })}
        error={wrong.name}
        data-autofocus
      />
      <TagsInput
        label={texts.emailAddresses}
        description={texts.emailAddressesHint}
        value={form.addresses}
        onChange={(addresses) => set({ addresses })}
        error={wrong.addresses}
        splitChars={[",", " ", ";"]}
        acceptValueOnBlur
      />
      <Group grow>
        <TextInput
          label={texts.number}
          value={form.number}
          onChange={(event) => set({ number: event.target.value })}
          error={wrong.number}
        />
        <TextInput
          label={texts.phone}
          value={form.phone}
          onChange={(event) => set({ phone: event.target.value })}
          error={wrong.phone}
        />
        <TextInput
          label={texts.status}
          value={form.status}
          onChange={(event) => set({ status: event.target.value })}
          error={wrong.status}
        />
      </Group>
      <TextInput
        label={texts.externalId}
        value={form.external_id ?? ""}
        onChange={(event) => set({ external_id: event.target.value || null })}
        error={wrong.external_id}
      />
      <Textarea
        label={texts.notes}
        autosize
        minRows={2}
        maxRows={10}
        value={form.notes}
        onChange={(event) => set({ notes: event.target.value })}
        error={wrong.notes}
      />
      {error && (
        <div role="alert" className={look.wax}>
          {error}
        </div>
      )}
      <Group justify="flex-end">
        {save.isSuccess && id && !edits.isEdited && (
          <span role="status" className={look.good}>
            {texts.saved}
          </span>
        )}
        <Button type="submit" loading={save.isPending}>
          {texts.save}
        </Button>
      </Group>
    </form>
  );
}
