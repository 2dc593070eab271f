/** My profile / Email account: the Status line and five cards, in the order that users know. */
import {
  Button,
  Group,
  Modal,
  PasswordInput,
  SegmentedControl,
  Skeleton,
  TextInput,
} from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { ExportMenu } from "../../components/ExportMenu";
import { Seal, SealNote } from "../../components/Seal";
import { ErrorState, shownOf } from "../../components/states";
import { useEdits } from "../../components/useEdits";
import { api, messageOf, type Schemas, unwrap } from "../../client";
import { useRefused } from "../../components/useRefused";
import { useAccounts } from "../../session";
import { texts } from "../../texts";
import { AccessCard } from "./AccessCard";
import { CredentialsCard } from "./CredentialsCard";
import { useDiscovery } from "./Discovery";
import { ImapCard } from "./ImapCard";
import { ProviderSignIn } from "./ProviderSignIn";
import { SmtpCard } from "./SmtpCard";
import { Status } from "./Status";
import { TrackingCard } from "./TrackingCard";
import look from "../../design/look.module.css";
import styles from "./EmailAccount.module.css";

/** What several cards share while the page is open: a typed password, and servers filled in by the address. */
export type Draft = { password: string; username: string; found?: Schemas["FoundView"] };

export function EmailAccount() {
  const accounts = useAccounts();
  const shown = shownOf(accounts);
  const [chosen, setChosen] = useState<string>();
  const account = shown.data?.find((account) => account.id === chosen) ?? shown.data?.[0];
  return (
    <div className="scroll">
      <div className="page">
        <nav aria-label={texts.path} className={look.note}>
          <Link to="/profile" className={styles.crumb}>
            {texts.myProfile}
          </Link>{" "}
          › {texts.emailAccount}
        </nav>
        <h1 className={styles.title}>{texts.emailAccount}</h1>
        {accounts.isPending && <Skeleton height={320} radius={8} />}
        {shown.error && <ErrorState error={shown.error} retry={() => void accounts.refetch()} />}
        {shown.data && shown.data.length > 1 && account && (
          <SegmentedControl
            mb={12}
            value={account.id}
            onChange={setChosen}
            data={shown.data.map((one) => ({ value: one.id, label: one.address }))}
          />
        )}
        {shown.data?.length === 0 && <FirstAccount />}
        {account &&
          (account.sealed ? (
            <Sealed account={account} />
          ) : (
            <Cards key={account.id} account={account} />
          ))}
        {account && <Erase account={account} />}
      </div>
    </div>
  );
}

function Cards({ account }: { account: Schemas["AccountView"] }) {
  const [typed, setTyped] = useState<string>();
  const isSetUp = Boolean(account.imap && account.smtp);
  // An account that works is left alone, until another address is typed.
  const discovered = useDiscovery(typed ?? (isSetUp ? "" : account.address));
  const { form: draft, set: change } = useEdits({
    password: "",
    username: account.username || discovered.usable?.username || "",
  });
  const shared: Draft = { ...draft, found: discovered.usable };
  return (
    <>
      <Group gap={12} mb={14}>
        <Seal accountId={account.id} />
        <SealNote accountId={account.id} />
      </Group>
      <Status account={account} />
      <TrackingCard account={account} />
      <AccessCard account={account} />
      <CredentialsCard
        account={account}
        draft={shared}
        change={change}
        onAddress={setTyped}
        discovered={discovered}
      />
      <ImapCard account={account} draft={shared} />
      <SmtpCard account={account} draft={shared} />
      <Group justify="space-between" mb={8} px={16}>
        <span className={look.second}>{texts.exportAccount}</span>
        <ExportMenu scope={{ account_id: account.id }} compact />
      </Group>
    </>
  );
}

/** After somebody else reset the sign-in: the mailbox's own password opens it, nothing else does. */
function Sealed({ account }: { account: Schemas["AccountView"] }) {
  const queries = useQueryClient();
  const [password, setPassword] = useState("");
  const unseal = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/accounts/{id}/unseal", {
          params: { path: { id: account.id } },
          body: { password },
        }),
      ),
    onSuccess: () => queries.invalidateQueries(),
  });
  const refused = useRefused({ password }, unseal.error);
  const wrong = refused.wrong.password ?? refused.error;
  return (
    <form
      className={`card ${styles.form}`}
      onSubmit={(event) => {
        event.preventDefault();
        unseal.mutate();
      }}
    >
      <h2 className={styles.sealed}>
        <img src="/seal.svg" alt="" width={22} height={22} />
        {texts.sealedTitle}
      </h2>
      <p className={`${look.second} ${look.atTop}`}>{texts.sealedHint}</p>
      <Group align="flex-end">
        <PasswordInput
          flex={1}
          label={texts.passwordOf({ address: account.address })}
          autoComplete="off"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          error={wrong}
        />
        <Button type="submit" loading={unseal.isPending} mb={wrong ? 20 : 0}>
          {texts.unseal}
        </Button>
      </Group>
      <ProviderSignIn account={account} />
    </form>
  );
}

function Erase({ account }: { account: Schemas["AccountView"] }) {
  const queries = useQueryClient();
  const [asked, setAsked] = useState(false);
  const erase = useMutation({
    mutationFn: () =>
      unwrap(api.DELETE("/api/v1/accounts/{id}", { params: { path: { id: account.id } } })),
    onSuccess: () => {
      setAsked(false);
      return queries.invalidateQueries();
    },
  });
  return (
    <>
      <Button variant="subtle" color="gray" onClick={() => setAsked(true)}>
        {texts.eraseAccount}
      </Button>
      <Modal
        opened={asked}
        onClose={() => setAsked(false)}
        title={`${texts.eraseAccount}: ${account.address}`}
      >
        <p className={look.atTop}>{texts.eraseAccountHint}</p>
        {erase.isError && (
          <p role="alert" className={look.wax}>
            {messageOf(erase.error)}
          </p>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setAsked(false)}>
            {texts.cancel}
          </Button>
          <Button loading={erase.isPending} onClick={() => erase.mutate()}>
            {texts.eraseAccount}
          </Button>
        </Group>
      </Modal>
    </>
  );
}

function FirstAccount() {
  const queries = useQueryClient();
  const [address, setAddress] = useState("");
  const create = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/accounts", { body: { name: "", address } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["accounts"] }),
  });
  const refused = useRefused({ address }, create.error);
  const wrong = refused.wrong.address ?? refused.error;
  return (
    <form
      className={`card ${styles.form}`}
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <p className={look.atTop}>{texts.noAccountHint}</p>
      <Group align="flex-end">
        <TextInput
          flex={1}
          label={texts.emailAddress}
          type="email"
          autoComplete="email"
          placeholder="you@example.org"
          value={address}
          onChange={(event) => setAddress(event.target.value)}
          error={wrong}
        />
        <Button type="submit" loading={create.isPending} mb={wrong ? 20 : 0}>
          {texts.continue}
        </Button>
      </Group>
    </form>
  );
}
