/** Config / Sign-in with providers: who signs mailboxes in, as which client of theirs. */
import { Button, CopyButton, Group, Select, Skeleton, Textarea } from "@mantine/core";
import { IconKey, IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Ask } from "../../components/Ask";
import { Field, PasswordField, TextField } from "../../components/Field";
import { ErrorState, shownOf } from "../../components/states";
import { useEdits } from "../../components/useEdits";
import { api, type Schemas, unwrap } from "../../client";
import { useRefused } from "../../components/useRefused";
import { texts } from "../../texts";
import { Card } from "../email-account/Card";
import look from "../../design/look.module.css";

const OTHER = "other";
const EMPTY = {
  kind: "google",
  name: "",
  client_id: "",
  tenant: "",
  issuer: "",
  authorization_endpoint: "",
  token_endpoint: "",
  scopes: [] as string[],
  servers: [] as string[],
};

export function SignInProviders() {
  const settings = useQuery({
    queryKey: ["sign-in-settings"],
    queryFn: () => unwrap(api.GET("/api/v1/sign-in-providers/settings")),
  });
  const shown = shownOf(settings);
  const known = shown.data?.known ?? [];
  return (
    <div className="scroll">
      <div className="page">
        <h1 className={`${look.title} ${look.aboveHint}`}>{texts.signInProviders}</h1>
        <p className={`${look.second} ${look.hintOfPage}`}>{texts.signInProvidersHint}</p>
        {settings.isPending && <Skeleton height={320} radius={8} />}
        {shown.error && <ErrorState error={shown.error} retry={() => void settings.refetch()} />}
        {shown.data && <Redirect address={shown.data.redirect} />}
        {shown.data?.providers.map((stored) => (
          <Provider key={stored.id} stored={stored} known={known} />
        ))}
        {shown.data && <Provider key={`another-${shown.data.providers.length}`} known={known} />}
      </div>
    </div>
  );
}

function Redirect({ address }: { address: string }) {
  return (
    <section className={`card ${look.inner}`} aria-label={texts.redirectAddress}>
      <Group gap={10} wrap="wrap">
        <span className={look.strong}>{texts.redirectAddress}</span>
        <code className={`${look.breaks} ${look.grow}`}>{address}</code>
        <CopyButton value={address}>
          {({ copied, copy }) => (
            <Button variant="default" size="compact-sm" onClick={copy}>
              {copied ? texts.copied : texts.copy}
            </Button>
          )}
        </CopyButton>
      </Group>
      <div className="hint">{texts.redirectHint}</div>
    </section>
  );
}

function Provider({
  stored,
  known,
}: {
  stored?: Schemas["ProviderSettingsView"];
  known: Schemas["KnownProviderView"][];
}) {
  const queries = useQueryClient();
  const edits = useEdits(stored ?? EMPTY);
  const { form, set } = edits;
  const [secret, setSecret] = useState("");
  const [asked, setAsked] = useState(false);
  const table = known.find((one) => one.kind === form.kind);
  const refresh = () =>
    Promise.all(
      ["sign-in-settings", "sign-in-providers"].map((key) =>
        queries.invalidateQueries({ queryKey: [key] }),
      ),
    );
  const save = useMutation({
    mutationFn: async () => {
      await unwrap(
        api.PUT("/api/v1/sign-in-providers/settings", {
          body: { ...form, id: stored?.id ?? null, secret: secret || null },
        }),
      );
      edits.saved(form);
    },
    onSuccess: () => {
      setSecret("");
      return refresh();
    },
  });
  const remove = useMutation({
    mutationFn: () =>
      unwrap(
        api.DELETE("/api/v1/sign-in-providers/settings/{id}", {
          params: { path: { id: stored?.id ?? "" } },
        }),
      ),
    onSuccess: () => {
      setAsked(false);
      return refresh();
    },
  });
  const { wrong, error } = useRefused({ ...form, secret }, save.error);
  const id = stored?.id ?? "new";
  const lines = (text: string) => text.split(/[\s,]+/).filter(Boolean);
  const title = stored ? stored.name : texts.addProvider;
  return (
    <Card
      title={title}
      icon={stored ? <IconKey size={19} stroke={1.6} /> : <IconPlus size={19} stroke={1.6} />}
      summary={stored ? stored.client_id : ""}
      open={!stored}
      error={error}
      onSave={() => save.mutate()}
      saving={save.isPending}
      saved={save.isSuccess && !edits.isEdited && !secret}
      extra={
        stored && (
          <Button variant="default" onClick={() => setAsked(true)}>
            {texts.remove}
          </Button>
        )
      }
    >
      {!stored && (
        <Field label={texts.provider} htmlFor={`kind-${id}`} wrong={wrong.kind}>
          <Select
            id={`kind-${id}`}
            allowDeselect={false}
            value={form.kind}
            data={[
              ...known.map((one) => ({ value: one.kind, label: one.name })),
              { value: OTHER, label: texts.otherProvider },
            ]}
            onChange={(kind) => set({ kind: kind ?? OTHER, scopes: [] })}
          />
        </Field>
      )}
      {form.kind === OTHER && (
        <>
          <TextField
            id={`name-${id}`}
            label={texts.name}
            wrong={wrong.name}
            hint={texts.buttonName}
            value={form.name}
            onChange={(value) => set({ name: value })}
          />
          <TextField
            id={`issuer-${id}`}
            label={texts.issuer}
            wrong={wrong.issuer}
            hint={texts.issuerHint}
            placeholder="https://login.example.org"
            value={form.issuer}
            onChange={(value) => set({ issuer: value })}
          />
          {!form.issuer && (
            <>
              <TextField
                id={`authorize-${id}`}
                label={texts.authorizationAddress}
                wrong={wrong.authorization_endpoint}
                value={form.authorization_endpoint}
                onChange={(value) => set({ authorization_endpoint: value })}
              />
              <TextField
                id={`token-${id}`}
                label={texts.tokenAddress}
                wrong={wrong.token_endpoint}
                value={form.token_endpoint}
                onChange={(value) => set({ token_endpoint: value })}
              />
            </>
          )}
          <TextField
            id={`servers-${id}`}
            label={texts.mailServers}
            wrong={wrong.servers}
            hint={texts.mailServersHint}
            placeholder="example.org"
            defaultValue={form.servers.join(", ")}
            onChange={(value) => set({ servers: lines(value) })}
          />
        </>
      )}
      {table?.has_tenants && (
        <TextField
          id={`tenant-${id}`}
          label={texts.tenant}
          wrong={wrong.tenant}
          hint={texts.tenantHint}
          placeholder="common"
          value={form.tenant}
          onChange={(value) => set({ tenant: value })}
        />
      )}
      <TextField
        id={`client-${id}`}
        label={texts.clientId}
        wrong={wrong.client_id}
        autoComplete="off"
        value={form.client_id}
        onChange={(value) => set({ client_id: value })}
      />
      <PasswordField
        id={`secret-${id}`}
        label={texts.clientSecret}
        wrong={wrong.secret}
        hint={stored?.secret_stored ? texts.secretStored : undefined}
        autoComplete="new-password"
        value={secret}
        onChange={setSecret}
      />
      <Field
        label={texts.scopes}
        htmlFor={`scopes-${id}`}
        hint={
          table && form.scopes.length === 0
            ? `${texts.scopesUsual} ${table.scopes.join(" ")}`
            : undefined
        }
      >
        <Textarea
          id={`scopes-${id}`}
          autosize
          minRows={1}
          defaultValue={form.scopes.join(" ")}
          onChange={(event) => set({ scopes: lines(event.target.value) })}
        />
      </Field>
      {asked && (
        <Ask
          title={texts.removeProvider({ name: title })}
          says={texts.removeProviderSays}
          yes={texts.remove}
          act={remove}
          onYes={() => remove.mutate()}
          onClose={() => {
            setAsked(false);
            remove.reset();
          }}
        />
      )}
    </Card>
  );
}
