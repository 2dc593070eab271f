/** Canned responses, with what their placeholders stand for. */
import {
  ActionIcon,
  Button,
  CloseButton,
  Group,
  Menu,
  Modal,
  TextInput,
  Tooltip,
} from "@mantine/core";
import { IconMessage2 } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../../client";
import { useRefused } from "../../components/useRefused";
import { texts } from "../../texts";
import type { Letter } from "./letter";
import { ownWords } from "./quoted";

export function Canned({ letter, fill }: { letter: Letter; fill: Record<string, string> }) {
  const queries = useQueryClient();
  const responses = useQuery({
    queryKey: ["canned"],
    queryFn: () => unwrap(api.GET("/api/v1/canned-responses")),
  });
  const [name, setName] = useState<string>();
  const stale = () => queries.invalidateQueries({ queryKey: ["canned"] });
  const add = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/canned-responses", {
          body: { name: name ?? "", html: ownWords(letter.form.html) },
        }),
      ),
    onSuccess: () => {
      setName(undefined);
      return stale();
    },
  });
  const { wrong, error } = useRefused({ name }, add.error);
  const remove = useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE("/api/v1/canned-responses/{id}", { params: { path: { id } } })),
    onSuccess: stale,
  });
  const filled = (text: string) =>
    text.replaceAll(/\{\{(\w+)\}\}/g, (whole, key: string) =>
      (fill[key] ?? whole).replaceAll(/[<>&]/g, ""),
    );
  return (
    <>
      <Menu position="top-start">
        <Menu.Target>
          <Tooltip label={texts.canned}>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={texts.canned}>
              <IconMessage2 size={18} stroke={1.6} />
            </ActionIcon>
          </Tooltip>
        </Menu.Target>
        <Menu.Dropdown>
          {(responses.data ?? []).map((one) => (
            <Group key={one.id} gap={2} wrap="nowrap">
              <Menu.Item
                onClick={() => letter.editor?.chain().focus().insertContent(filled(one.html)).run()}
              >
                {one.name}
              </Menu.Item>
              <CloseButton
                size="sm"
                aria-label={`${texts.remove} ${one.name}`}
                onClick={() => remove.mutate(one.id)}
              />
            </Group>
          ))}
          {responses.data?.length === 0 && <Menu.Label>{texts.cannedHint}</Menu.Label>}
          <Menu.Divider />
          <Menu.Item onClick={() => setName("")}>{texts.cannedSave}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={name !== undefined}
        onClose={() => setName(undefined)}
        title={texts.cannedSave}
      >
        <TextInput
          label={texts.name}
          value={name ?? ""}
          onChange={(event) => setName(event.target.value)}
          error={wrong.name ?? Object.values(wrong)[0] ?? error}
          data-autofocus
        />
        <Group justify="flex-end" mt={12}>
          <Button loading={add.isPending} onClick={() => add.mutate()}>
            {texts.save}
          </Button>
        </Group>
      </Modal>
    </>
  );
}
