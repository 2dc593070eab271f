/** My profile / Email account: the Status line and five cards, in the order that users know. */
import { Button, Group, Modal, PasswordInput, SegmentedControl, Skeleton, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ExportMenu } from "../../components/ExportMenu";
import { Seal } from "../../components/Seal";
import { ErrorState } from "../../components/states";
import { api, fieldsOf, messageOf, type Schemas, unwrap } from "../../client";
import { useAccounts } from "../../session";
import { texts } from "../../texts";
import { AccessCard } from "./AccessCard";
import { CredentialsCard } from "./CredentialsCard";
import { ImapCard } from "./ImapCard";
import { SmtpCard } from "./SmtpCard";
import { Status } from "./Status";
import { TrackingCard } from "./TrackingCard";

/** What several cards share while the page is open: a typed password, and servers filled in by the address. */
export type Draft = { password: string; username: string; preset?: Schemas["PresetView"] };

export function EmailAccount() {
  const accounts = useAccounts();
  const [chosen, setChosen] = useState<string>();
  const account = accounts.data?.find((account) => account.id === chosen) ?? accounts.data?.[0];
  return (
    <div className="scroll">
      <div className="page">
        <nav aria-label="Path" style={{ color: "var(--ink2)", fontSize: 13 }}>
          <Link to="/profile" style={{ color: "inherit" }}>{texts.myProfile}</Link> › {texts.emailAccount}
        </nav>
        <h1 style={{ fontSize: 23, margin: "4px 0 8px" }}>{texts.emailAccount}</h1>
        {accounts.isPending && <Skeleton height={320} radius={8} />}
        {accounts.isError && <ErrorState error={accounts.error} retry={() => void accounts.refetch()} />}
        {accounts.data && accounts.data.length > 1 && account && (
          <SegmentedControl mb={12} value={account.id} onChange={setChosen} data={accounts.data.map((one) => ({ value: one.id, label: one.address }))} />
        )}
        {accounts.data?.length === 0 && <FirstAccount />}
        {account && (account.sealed ? <Sealed account={account} /> : <Cards key={account.id} account={account} />)}
        {account && <Erase account={account} />}
      </div>
    </div>
  );
}

function Cards({ account }: { account: Schemas["AccountView"] }) {
  const [draft, setDraft] = useState<Draft>({ password: "", username: account.username });
  const granted = useQuery({ queryKey: ["preset-of", account.address], staleTime: Infinity, queryFn: () => findPreset(account.address) });
  const shared = { ...draft, preset: draft.preset ?? granted.data ?? undefined };
  return (
    <>
      <Group gap={12} mb={14}><Seal accountId={account.id} /><span style={{ color: "var(--ink2)", fontSize: 13 }}>{texts.sealNote}</span></Group>
      <Status account={account} />
      <TrackingCard account={account} />
      <AccessCard account={account} />
      <CredentialsCard account={account} draft={shared} change={setDraft} />
      <ImapCard key={shared.preset?.name} account={account} draft={shared} />
      <SmtpCard key={`smtp-${shared.preset?.name}`} account={account} draft={shared} />
      <Group justify="space-between" mb={8} px={16}><span style={{ color: "var(--ink2)" }}>{texts.exportAccount}</span><ExportMenu scope={{ account_id: account.id }} compact /></Group>
    </>
  );
}

/** After somebody else reset the sign-in: the mailbox's own password opens it, nothing else does. */
function Sealed({ account }: { account: Schemas["AccountView"] }) {
  const queries = useQueryClient();
  const [password, setPassword] = useState("");
  const unseal = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/accounts/{id}/unseal", { params: { path: { id: account.id } }, body: { password } })),
    onSuccess: () => queries.invalidateQueries(),
  });
  const wrong = fieldsOf(unseal.error).password ?? (unseal.isError ? messageOf(unseal.error) : undefined);
  return (
    <form className="card" style={{ padding: 20 }} onSubmit={(event) => { event.preventDefault(); unseal.mutate(); }}>
      <h2 style={{ fontSize: 17, margin: "0 0 6px", display: "flex", gap: 8, alignItems: "center" }}><img src="/seal.svg" alt="" width={22} height={22} />{texts.sealedTitle}</h2>
      <p style={{ marginTop: 0, color: "var(--ink2)" }}>{texts.sealedHint}</p>
      <Group align="flex-end">
        <PasswordInput style={{ flex: 1 }} label={`Password of ${account.address}`} autoComplete="off" value={password} onChange={(event) => setPassword(event.target.value)} error={wrong} />
        <Button type="submit" loading={unseal.isPending} mb={wrong ? 20 : 0}>{texts.unseal}</Button>
      </Group>
    </form>
  );
}

function Erase({ account }: { account: Schemas["AccountView"] }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const erase = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/accounts/{id}", { params: { path: { id: account.id } } })),
    onSuccess: () => { setAsked(false); return queries.invalidateQueries(); },
  });
  return (
    <>
      <Button variant="subtle" color="gray" onClick={() => setAsked(true)}>{texts.eraseAccount}</Button>
      <Modal opened={asked} onClose={() => setAsked(false)} title={`${texts.eraseAccount}: ${account.address}`}>
        <p style={{ marginTop: 0 }}>{texts.eraseAccountHint}</p>
        {erase.isError && <p role="alert" style={{ color: "var(--wax)" }}>{messageOf(erase.error)}</p>}
        <Group justify="flex-end"><Button variant="default" onClick={() => setAsked(false)}>{texts.cancel}</Button><Button loading={erase.isPending} onClick={() => erase.mutate()}>{texts.eraseAccount}</Button></Group>
      </Modal>
    </>
  );
}

export async function findPreset(address: string) {
  const domain = address.split("@")[1];
  if (!domain) return null;
  return (await unwrap(api.GET("/api/v1/presets", { params: { query: { domain } } }))) ?? null;
}

function FirstAccount() {
  const queries = useQueryClient();
  const [address, setAddress] = useState("");
  const create = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/accounts", { body: { name: "", address } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["accounts"] }),
  });
  const wrong = fieldsOf(create.error).address ?? (create.isError ? messageOf(create.error) : undefined);
  return (
    <form className="card" style={{ padding: 20 }} onSubmit={(event) => { event.preventDefault(); create.mutate(); }}>
      <p style={{ marginTop: 0 }}>{texts.noAccountHint}</p>
      <Group align="flex-end">
        <TextInput style={{ flex: 1 }} label="Email address" type="email" autoComplete="email" placeholder="you@example.org" value={address} onChange={(event) => setAddress(event.target.value)} error={wrong} />
        <Button type="submit" loading={create.isPending} mb={wrong ? 20 : 0}>Continue</Button>
      </Group>
    </form>
  );
}
