/** For super-administrators: who may sign in, and who did what. Nobody's mail is read from here. */
import { Button, Checkbox, CopyButton, Group, Menu, Modal, Skeleton, Stack, Table, TextInput } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconChevronDown, IconUserPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ErrorState } from "../../components/states";
import { exactTime } from "../../components/time";
import { api, fieldsOf, messageOf, type Schemas, unwrap } from "../../client";
import { useSession } from "../../session";
import { texts } from "../../texts";
import { Tokens } from "./Tokens";

type Staff = Schemas["StaffView"];

export function Administrators() {
  const staff = useQuery({ queryKey: ["staff"], queryFn: () => unwrap(api.GET("/api/v1/staff")) });
  const [adding, setAdding] = useState(false);
  const [link, setLink] = useState<string>();
  return (
    <div className="scroll">
      <div className="page">
        <Group justify="space-between" mb={14}>
          <h1 style={{ fontSize: 23, margin: 0 }}>{texts.administrators}</h1>
          <Button leftSection={<IconUserPlus size={17} stroke={1.6} />} onClick={() => setAdding(true)}>Add</Button>
        </Group>
        <p style={{ color: "var(--ink2)", marginTop: 0 }}>A super-administrator manages who may sign in, and sees nobody's mail by that. Resetting a sign-in seals the person's mail accounts until the mailbox's own password is typed.</p>
        {staff.isPending && <Skeleton height={200} radius={8} />}
        {staff.isError && <ErrorState error={staff.error} retry={() => void staff.refetch()} />}
        {staff.data && <People staff={staff.data} onLink={setLink} />}
        <Tokens />
        <Audit staff={staff.data ?? []} />
      </div>
      <Modal opened={adding} onClose={() => setAdding(false)} title="Add an administrator"><Add onLink={(token) => { setAdding(false); setLink(token); }} /></Modal>
      <Modal opened={Boolean(link)} onClose={() => setLink(undefined)} title="One-time link"><LinkToGive token={link ?? ""} /></Modal>
    </div>
  );
}

function useStaff() {
  const queries = useQueryClient();
  const refresh = () => Promise.all(["staff", "audit", "administrators"].map((key) => queries.invalidateQueries({ queryKey: [key] })));
  const failed = (error: unknown) => notifications.show({ color: "red", message: Object.values(fieldsOf(error))[0] ?? messageOf(error) });
  return { onSuccess: refresh, onError: failed };
}

function People({ staff, onLink }: { staff: Staff[]; onLink: (token: string) => void }) {
  return (
    <section className="card" style={{ overflowX: "auto" }}>
      <Table verticalSpacing="sm" horizontalSpacing="md">
        <Table.Thead><Table.Tr><Table.Th>{texts.name}</Table.Th><Table.Th>{texts.login}</Table.Th><Table.Th>Role</Table.Th><Table.Th>State</Table.Th><Table.Th aria-label={texts.actions} /></Table.Tr></Table.Thead>
        <Table.Tbody>{staff.map((one) => <Person key={one.id} one={one} onLink={onLink} />)}</Table.Tbody>
      </Table>
    </section>
  );
}

function Person({ one, onLink }: { one: Staff; onLink: (token: string) => void }) {
  const me = useSession().data;
  const outcome = useStaff();
  const path = { params: { path: { id: one.id } } };
  const change = useMutation({ mutationFn: (part: Partial<Schemas["StaffRequest"]>) => unwrap(api.PUT("/api/v1/staff/{id}", { ...path, body: { is_super: one.is_super, disabled: one.disabled, ...part } })), ...outcome });
  const reset = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/staff/{id}/reset", path)), onError: outcome.onError, onSuccess: async ({ token }) => { onLink(token); await outcome.onSuccess(); } });
  const erase = useMutation({ mutationFn: () => unwrap(api.DELETE("/api/v1/staff/{id}/mail", path)), ...outcome });
  const [erasing, setErasing] = useState(false);
  return (
    <Table.Tr style={one.disabled ? { color: "var(--ink3)" } : undefined}>
      <Table.Td>{one.name}{me?.id === one.id && " (you)"}</Table.Td>
      <Table.Td>{one.login}</Table.Td>
      <Table.Td>{one.is_super ? "Super-administrator" : "Administrator"}</Table.Td>
      <Table.Td>{one.disabled ? "Disabled" : one.second_factor ? "Second factor on" : "Active"}</Table.Td>
      <Table.Td style={{ textAlign: "right" }}>
        <Menu position="bottom-end">
          <Menu.Target><Button size="compact-sm" variant="default" rightSection={<IconChevronDown size={15} stroke={1.6} />} aria-label={`${texts.actions}: ${one.name}`}>{texts.actions}</Button></Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => change.mutate({ is_super: !one.is_super })}>{one.is_super ? "Make administrator" : "Make super-administrator"}</Menu.Item>
            {me?.id !== one.id && <Menu.Item onClick={() => reset.mutate()}>Reset sign-in</Menu.Item>}
            {me?.id !== one.id && <Menu.Item onClick={() => change.mutate({ disabled: !one.disabled })}>{one.disabled ? "Enable" : "Disable"}</Menu.Item>}
            {one.disabled && <Menu.Item color="wax" onClick={() => setErasing(true)}>Erase mail accounts</Menu.Item>}
          </Menu.Dropdown>
        </Menu>
        <Modal opened={erasing} onClose={() => setErasing(false)} title={`Erase the mail accounts of ${one.name}?`}>
          <Stack>
            <p style={{ margin: 0 }}>All their mail here is gone for good, unread. The mailboxes on the servers stay as they are.</p>
            <Group justify="flex-end"><Button variant="default" onClick={() => setErasing(false)}>{texts.cancel}</Button><Button onClick={() => { setErasing(false); erase.mutate(); }}>Erase</Button></Group>
          </Stack>
        </Modal>
      </Table.Td>
    </Table.Tr>
  );
}

function Add({ onLink }: { onLink: (token: string) => void }) {
  const outcome = useStaff();
  const [form, setForm] = useState({ login: "", name: "", is_super: false });
  const add = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/staff", { body: { ...form, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone } })),
    onSuccess: async ({ token }) => { onLink(token); await outcome.onSuccess(); },
  });
  const wrong = fieldsOf(add.error);
  return (
    <form onSubmit={(event: FormEvent) => { event.preventDefault(); add.mutate(); }}>
      <Stack gap={12}>
        <TextInput label={texts.name} value={form.name} onChange={(event) => setForm({ ...form, name: event.target.value })} error={wrong.name} data-autofocus />
        <TextInput label={texts.login} autoComplete="off" value={form.login} onChange={(event) => setForm({ ...form, login: event.target.value })} error={wrong.login} />
        <Checkbox label="Super-administrator" checked={form.is_super} onChange={(event) => setForm({ ...form, is_super: event.target.checked })} />
        {add.isError && Object.keys(wrong).length === 0 && <div role="alert" style={{ color: "var(--wax)" }}>{messageOf(add.error)}</div>}
        <Button type="submit" loading={add.isPending}>Make the link</Button>
      </Stack>
    </form>
  );
}

function LinkToGive({ token }: { token: string }) {
  const link = `${window.location.origin}/welcome#${token}`;
  const [to, setTo] = useState("");
  const mail = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/staff/link-mail", { body: { to, token } })) });
  return (
    <Stack gap={12}>
      <p style={{ margin: 0 }}>Give this link to the person. It works once, for three days, and is not shown again.</p>
      <code style={{ overflowWrap: "anywhere" }}>{link}</code>
      <CopyButton value={link}>{({ copied, copy }) => <Button onClick={copy}>{copied ? "Copied" : "Copy"}</Button>}</CopyButton>
      <form style={{ display: "flex", gap: 8, alignItems: "flex-start" }} onSubmit={(event: FormEvent) => { event.preventDefault(); mail.mutate(); }}>
        <TextInput style={{ flex: 1 }} type="email" aria-label="Or send it to" placeholder="Or send it to this address" value={to} onChange={(event) => setTo(event.target.value)} error={mail.isError ? (Object.values(fieldsOf(mail.error))[0] ?? messageOf(mail.error)) : undefined} />
        <Button type="submit" variant="default" loading={mail.isPending}>{mail.isSuccess ? "Sent" : "Send"}</Button>
      </form>
    </Stack>
  );
}

const VERBS: Record<string, string> = {
  signed_in: "signed in",
  opened: "opened mail of",
  access_given: "gave access to",
  access_ended: "ended access to",
  password_stored: "stored a mail password of",
  certificate_pinned: "pinned a certificate of",
  exported: "exported",
  tested: "tested",
  unsealed: "unsealed",
  account_erased: "erased an account",
  administrator_added: "added an administrator",
  made_super: "made a super-administrator",
  made_administrator: "made somebody administrator again",
  disabled: "disabled an administrator",
  enabled: "enabled an administrator",
  sign_in_reset: "reset a sign-in",
  link_mailed: "sent a sign-in link",
  system_mail_changed: "changed the system's e-mail",
  mail_erased: "erased a leaver's mail",
  token_made: "made an API token",
  token_revoked: "revoked an API token",
  party_added: "added a record",
  party_changed: "changed a record",
  party_deleted: "deleted a record",
  party_imported: "brought a record up to date",
  paired: "paired an author",
  unpaired: "took a pairing back",
  blocked: "blocked a sender at",
  unblocked: "unblocked a sender at",
  second_factor_on: "turned the second factor on",
  second_factor_off: "turned the second factor off",
};

function Audit({ staff }: { staff: Staff[] }) {
  const audit = useQuery({ queryKey: ["audit"], queryFn: () => unwrap(api.GET("/api/v1/audit")) });
  const names = new Map(staff.map((one) => [one.id, one.name]));
  return (
    <section className="card" aria-label="Audit log" style={{ padding: "4px 0", overflowX: "auto" }}>
      <h2 style={{ fontSize: 15, margin: "10px 16px" }}>Audit log</h2>
      {audit.data && (
        <Table horizontalSpacing="md">
          <Table.Tbody>
            {audit.data.slice(0, 100).map((line, index) => (
              <Table.Tr key={index}>
                <Table.Td className="figures" style={{ color: "var(--ink2)", whiteSpace: "nowrap" }}>{exactTime(new Date(line.hour))}</Table.Td>
                <Table.Td>{line.administrator_id ? (names.get(line.administrator_id) ?? "Somebody") : "Command line"} {VERBS[line.verb] ?? line.verb}</Table.Td>
                <Table.Td style={{ color: "var(--ink3)" }}>{line.account_id ? `account ${line.account_id.slice(-6)}` : ""}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      <p style={{ color: "var(--ink3)", fontSize: 12.5, margin: "8px 16px" }}>To the hour. What was opened, and how often, only its owner sees.</p>
    </section>
  );
}
