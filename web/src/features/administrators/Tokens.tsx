/** Tokens of programs: the CRM keeps customers and leads up to date with one. They open nobody's mail. */
import { Button, CopyButton, Group, Modal, NumberInput, Select, Stack, Table, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Time } from "../../components/time";
import { api, fieldsOf, messageOf, unwrap } from "../../client";
import { texts } from "../../texts";

const SCOPES = [{ value: "parties", label: "Customers and leads" }, { value: "system-mail", label: "Writing system e-mail" }];

export function Tokens() {
  const queries = useQueryClient();
  const tokens = useQuery({ queryKey: ["api-tokens"], queryFn: () => unwrap(api.GET("/api/v1/api-tokens")) });
  const refresh = () => queries.invalidateQueries({ queryKey: ["api-tokens"] });
  const revoke = useMutation({ mutationFn: (id: string) => unwrap(api.DELETE("/api/v1/api-tokens/{id}", { params: { path: { id } } })), onSuccess: refresh });
  const [form, setForm] = useState({ name: "", days: 365, scope: "parties" });
  const [adding, setAdding] = useState(false);
  const make = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/api-tokens", { body: form })), onSuccess: refresh });
  const wrong = fieldsOf(make.error);
  const close = () => { setAdding(false); make.reset(); setForm({ name: "", days: 365, scope: "parties" }); };
  return (
    <section className="card" aria-label={texts.apiTokens} style={{ padding: "12px 16px", overflowX: "auto" }}>
      <Group justify="space-between"><h2 style={{ fontSize: 15, margin: 0 }}>{texts.apiTokens}</h2><Button size="compact-sm" variant="default" onClick={() => setAdding(true)}>{texts.makeToken}</Button></Group>
      <p style={{ color: "var(--ink3)", fontSize: 12.5, margin: "4px 0 8px" }}>{texts.apiTokensHint}</p>
      {tokens.data && tokens.data.length > 0 && (
        <Table>
          <Table.Tbody>
            {tokens.data.map((token) => (
              <Table.Tr key={token.id}>
                <Table.Td>{token.name}</Table.Td>
                <Table.Td style={{ color: "var(--ink2)" }}>{SCOPES.find((scope) => scope.value === token.scope)?.label}</Table.Td>
                <Table.Td style={{ color: "var(--ink2)" }}>{token.last_used_at ? <>used <Time at={token.last_used_at} long /></> : "never used"}, until {token.expires_at.slice(0, 10)}</Table.Td>
                <Table.Td style={{ textAlign: "right" }}><Button size="compact-sm" variant="default" aria-label={`${texts.revoke}: ${token.name}`} onClick={() => revoke.mutate(token.id)}>{texts.revoke}</Button></Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      <Modal opened={adding} onClose={close} title={texts.makeToken}>
        {make.data ? (
          <Stack gap={12}>
            <p style={{ margin: 0 }}>{texts.tokenOnce}</p>
            <code style={{ overflowWrap: "anywhere" }}>{make.data.token}</code>
            <CopyButton value={make.data.token}>{({ copied, copy }) => <Button onClick={copy}>{copied ? "Copied" : "Copy"}</Button>}</CopyButton>
          </Stack>
        ) : (
          <form onSubmit={(event: FormEvent) => { event.preventDefault(); make.mutate(); }}>
            <Stack gap={12}>
              <TextInput label={texts.name} description="What uses it" value={form.name} onChange={(event) => setForm({ ...form, name: event.target.value })} error={wrong.name} data-autofocus />
              <Select label="For" allowDeselect={false} value={form.scope} onChange={(scope) => setForm({ ...form, scope: scope ?? "parties" })} error={wrong.scope} data={SCOPES} />
              <NumberInput label="Days" min={1} max={730} value={form.days} onChange={(days) => setForm({ ...form, days: Number(days) })} error={wrong.days} />
              {make.isError && Object.keys(wrong).length === 0 && <div role="alert" style={{ color: "var(--wax)" }}>{messageOf(make.error)}</div>}
              <Button type="submit" loading={make.isPending}>{texts.makeToken}</Button>
            </Stack>
          </form>
        )}
      </Modal>
    </section>
  );
}
