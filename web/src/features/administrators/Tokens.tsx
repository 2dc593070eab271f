/** Tokens of programs: the CRM keeps customers and leads up to date with one. They open nobody's mail. */
import {
  Button,
  CopyButton,
  Group,
  Modal,
  NumberInput,
  Select,
  Stack,
  Table,
  TextInput,
} from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Ask } from "../../components/Ask";
import { dayAt, Time } from "../../components/time";
import { api, unwrap } from "../../client";
import { useRefused } from "../../components/useRefused";
import { texts } from "../../texts";
import look from "../../design/look.module.css";
import styles from "./Tokens.module.css";

const SCOPES = [
  { value: "parties", label: texts.customersAndLeads },
  { value: "system-mail", label: texts.writingSystemEMail },
];

export function Tokens() {
  const queries = useQueryClient();
  const tokens = useQuery({
    queryKey: ["api-tokens"],
    queryFn: () => unwrap(api.GET("/api/v1/api-tokens")),
  });
  const refresh = () => queries.invalidateQueries({ queryKey: ["api-tokens"] });
  const revoke = useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE("/api/v1/api-tokens/{id}", { params: { path: { id } } })),
    onSuccess: () => {
      setRevoked(undefined);
      return refresh();
    },
  });
  const [revoked, setRevoked] = useState<{ id: string; name: string }>();
  const [form, setForm] = useState({ name: "", days: 365, scope: "parties" });
  const [adding, setAdding] = useState(false);
  const make = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/api-tokens", { body: form })),
    onSuccess: refresh,
  });
  const { wrong, error } = useRefused(form, make.error);
  const close = () => {
    setAdding(false);
    make.reset();
    setForm({ name: "", days: 365, scope: "parties" });
  };
  return (
    <section className={`card ${look.inner} ${look.scrolls}`} aria-label={texts.apiTokens}>
      <Group justify="space-between">
        <h2 className={look.heading}>{texts.apiTokens}</h2>
        <Button size="compact-sm" variant="default" onClick={() => setAdding(true)}>
          {texts.makeToken}
        </Button>
      </Group>
      <p className={styles.hint}>{texts.apiTokensHint}</p>
      {tokens.data && tokens.data.length > 0 && (
        <Table>
          <Table.Tbody>
            {tokens.data.map((token) => (
              <Table.Tr key={token.id}>
                <Table.Td>{token.name}</Table.Td>
                <Table.Td c="var(--ink2)">
                  {SCOPES.find((scope) => scope.value === token.scope)?.label}
                </Table.Td>
                <Table.Td c="var(--ink2)">
                  {token.last_used_at ? (
                    <>
                      {texts.used} <Time at={token.last_used_at} long />
                    </>
                  ) : (
                    texts.neverUsed
                  )}
                  {texts.untilDay({ day: dayAt(token.expires_at) })}
                </Table.Td>
                <Table.Td ta="end">
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={`${texts.revoke}: ${token.name}`}
                    onClick={() => setRevoked(token)}
                  >
                    {texts.revoke}
                  </Button>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {revoked && (
        <Ask
          title={texts.revokeAsk({ name: revoked.name })}
          says={texts.revokeSays}
          yes={texts.revoke}
          act={revoke}
          onYes={() => revoke.mutate(revoked.id)}
          onClose={() => {
            setRevoked(undefined);
            revoke.reset();
          }}
        />
      )}
      <Modal opened={adding} onClose={close} title={texts.makeToken}>
        {make.data ? (
          <Stack gap={12}>
            <p className={look.flush}>{texts.tokenOnce}</p>
            <code className={look.breaks}>{make.data.token}</code>
            <CopyButton value={make.data.token}>
              {({ copied, copy }) => (
                <Button onClick={copy}>{copied ? texts.copied : texts.copy}</Button>
              )}
            </CopyButton>
          </Stack>
        ) : (
          <form
            onSubmit={(event: FormEvent) => {
              event.preventDefault();
              make.mutate();
            }}
          >
            <Stack gap={12}>
              <TextInput
                label={texts.name}
                description={texts.whatUsesIt}
                value={form.name}
                onChange={(event) => setForm({ ...form, name: event.target.value })}
                error={wrong.name}
                data-autofocus
              />
              <Select
                label={texts.for}
                allowDeselect={false}
                value={form.scope}
                onChange={(scope) => setForm({ ...form, scope: scope ?? "parties" })}
                error={wrong.scope}
                data={SCOPES}
              />
              <NumberInput
                label={texts.days}
                min={1}
                max={730}
                value={form.days}
                onChange={(days) => setForm({ ...form, days: Number(days) })}
                error={wrong.days}
              />
              {error && (
                <div role="alert" className={look.wax}>
                  {error}
                </div>
              )}
              <Button type="submit" loading={make.isPending}>
                {texts.makeToken}
              </Button>
            </Stack>
          </form>
        )}
      </Modal>
    </section>
  );
}
