import { IconKey } from "@tabler/icons-react";
import { PasswordField, TextField } from "../../components/Field";
import { api, type Schemas, unwrap } from "../../client";
import { useEdits } from "../../components/useEdits";
import { useSave } from "../../components/useSave";
import { Card } from "./Card";
import { type Discovered, FoundServers } from "./Discovery";
import type { Draft } from "./EmailAccount";
import { ProviderSignIn } from "./ProviderSignIn";
import { texts } from "../../texts";
import look from "../../design/look.module.css";

export function CredentialsCard({
  account,
  draft,
  change,
  onAddress,
  discovered,
}: {
  account: Schemas["AccountView"];
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  onAddress: (address: string) => void;
  discovered: Discovered;
}) {
  const edits = useEdits({
    name: account.name,
    address: account.address,
    aliases: account.aliases.join(", "),
  });
  const { form, set } = edits;
  const { wrong, error, card } = useSave(
    edits,
    (wanted) =>
      unwrap(
        api.PUT("/api/v1/accounts/{id}/credentials", {
          params: { path: { id: account.id } },
          body: {
            ...wanted,
            username: draft.username,
            aliases: wanted.aliases.split(/[\s,;]+/).filter(Boolean),
            // Without a server the password waits for the card below: it is stored for one server only.
            password: account.imap && draft.password ? draft.password : null,
          },
        }),
      ),
    draft,
  );
  const hint = account.password_stored
    ? texts.secretStored
    : account.imap
      ? texts.noneStoredForThese
      : texts.storedWhenYouSave;
  return (
    <Card
      title={texts.credentials}
      icon={<IconKey size={19} stroke={1.6} />}
      summary={account.address}
      error={error}
      {...card}
    >
      <TextField
        id="name"
        label={texts.name}
        hint={texts.asCustomersSee}
        value={form.name}
        onChange={(value) => set({ name: value })}
      />
      <TextField
        id="address"
        label={texts.emailAddress}
        wrong={wrong.address}
        type="email"
        value={form.address}
        onBlur={() => onAddress(form.address)}
        onChange={(value) => set({ address: value })}
      />
      <FoundServers discovered={discovered} />
      <TextField
        id="aliases"
        label={texts.otherAddressesMine}
        wrong={wrong.aliases}
        hint={texts.commaBetween}
        value={form.aliases}
        onChange={(value) => set({ aliases: value })}
      />
      <TextField
        id="username"
        label={texts.username}
        wrong={wrong.username}
        hint={texts.leaveEmptyIfAddress}
        autoComplete="off"
        value={draft.username}
        onChange={(value) => change({ username: value })}
      />
      <PasswordField
        id="password"
        label={texts.password}
        wrong={wrong.password}
        hint={
          <>
            {hint}{" "}
            {draft.found?.app_password_url && (
              <>
                {texts.wantsAppPassword({ provider: draft.found.name })}{" "}
                <a
                  href={draft.found.app_password_url}
                  target="_blank"
                  rel="noreferrer"
                  className={look.wax}
                >
                  {texts.appPassword}
                </a>
                .
              </>
            )}
          </>
        }
        autoComplete="new-password"
        value={draft.password}
        onChange={(value) => change({ password: value })}
      />
      <ProviderSignIn account={account} />
    </Card>
  );
}
