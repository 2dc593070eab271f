import {
  Button,
  Group,
  SegmentedControl,
  Select,
  Text,
  useMantineColorScheme,
} from "@mantine/core";
import { IconLock, IconPalette, IconUser } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { Field, PasswordField, TextField } from "../../components/Field";
import { useEdits } from "../../components/useEdits";
import { useSave } from "../../components/useSave";
import { exactTime } from "../../components/time";
import { api, type Schemas, unwrap } from "../../client";
import { useSession, useSignOut } from "../../session";
import { LANGUAGES, texts } from "../../texts";
import { Card } from "../email-account/Card";
import { SecondFactorCard } from "./SecondFactorCard";
import { SessionsCard } from "./SessionsCard";
import look from "../../design/look.module.css";
import styles from "./Profile.module.css";

export function Profile() {
  const me = useSession().data;
  const signOut = useSignOut();
  return (
    <div className="scroll">
      <div className="page">
        <h1 className={styles.title}>{texts.myProfile}</h1>
        {me && <ProfileCard me={me} />}
        <PasswordCard />
        {me && <SecondFactorCard me={me} />}
        <SessionsCard />
        <LookCard />
        <Group gap={18} mt={4}>
          <Link to="/profile/email-account" className={look.wax}>
            {texts.emailAccount}
          </Link>
          {me?.is_super && (
            <Link to="/administrators" className={`narrow-only ${look.wax}`}>
              {texts.administrators}
            </Link>
          )}
          <Button className="narrow-only" variant="default" onClick={() => signOut.mutate()}>
            {texts.signOut}
          </Button>
          {me && (
            <Text size="sm" c="dimmed">
              {texts.version({ version: me.version })}
            </Text>
          )}
        </Group>
      </div>
    </div>
  );
}

function ProfileCard({ me }: { me: Schemas["Me"] }) {
  const edits = useEdits({
    name: me.name,
    time_zone: me.time_zone,
    language: me.language,
    formats: me.formats,
  });
  const { form, set } = edits;
  const { wrong, error, card } = useSave(edits, (body) =>
    unwrap(api.PUT("/api/v1/profile", { body })),
  );
  return (
    <Card
      title={texts.profile}
      icon={<IconUser size={19} stroke={1.6} />}
      summary={me.login}
      error={error}
      {...card}
    >
      <TextField
        id="own-name"
        label={texts.name}
        wrong={wrong.name}
        value={form.name}
        onChange={(value) => set({ name: value })}
      />
      <Field
        label={texts.timeZone}
        htmlFor="zone"
        wrong={wrong.time_zone}
        hint={texts.daysInYourSettings}
      >
        <Select
          id="zone"
          searchable
          allowDeselect={false}
          value={form.time_zone}
          data={[...new Set([...Intl.supportedValuesOf("timeZone"), "UTC", form.time_zone])]}
          onChange={(time_zone) => set({ time_zone: time_zone ?? "UTC" })}
        />
      </Field>
      <Field label={texts.language} htmlFor="language" wrong={wrong.language}>
        <Select
          id="language"
          allowDeselect={false}
          value={form.language}
          onChange={(language) => set({ language: language ?? "" })}
          data={[{ value: "", label: texts.asTheBrowser }, ...SPOKEN]}
        />
      </Field>
      <Field
        label={texts.datesAndNumbers}
        htmlFor="formats"
        wrong={wrong.formats}
        hint={exactTime(new Date())}
      >
        <Select
          id="formats"
          allowDeselect={false}
          value={form.formats}
          onChange={(formats) => set({ formats: formats ?? "" })}
          data={[{ value: "", label: texts.asTheLanguage }, ...FORMATS]}
        />
      </Field>
    </Card>
  );
}

function PasswordCard() {
  const edits = useEdits({ current_password: "", new_password: "" });
  const { form, set } = edits;
  const { wrong, error, card } = useSave(edits, (body) =>
    unwrap(api.PUT("/api/v1/profile/password", { body })),
  );
  return (
    <Card
      title={texts.password}
      icon={<IconLock size={19} stroke={1.6} />}
      summary=""
      error={error}
      {...card}
      open={false}
    >
      <PasswordField
        id="current"
        label={texts.currentPassword}
        wrong={wrong.current_password}
        autoComplete="current-password"
        value={form.current_password}
        onChange={(value) => set({ current_password: value })}
      />
      <PasswordField
        id="new"
        label={texts.newPassword}
        wrong={wrong.new_password}
        hint={texts.endsYourOtherSessions}
        autoComplete="new-password"
        value={form.new_password}
        onChange={(value) => set({ new_password: value })}
      />
    </Card>
  );
}

const SPOKEN = Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }));

const FORMATS = [
  ["en-GB", "English (UK)"],
  ["en-US", "English (US)"],
  ["de", "Deutsch"],
  ["es", "Español"],
  ["pt", "Português"],
  ["uk", "Українська"],
  ["cs", "Čeština"],
  ["fr", "Français"],
  ["pl", "Polski"],
  ["it", "Italiano"],
].map(([value, label]) => ({ value: value ?? "", label: label ?? "" }));

function LookCard() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Card title={texts.look} icon={<IconPalette size={19} stroke={1.6} />} summary="" open={false}>
      <Field label={texts.colours}>
        <SegmentedControl
          aria-label={texts.colours}
          value={colorScheme}
          onChange={(scheme) => setColorScheme(scheme as "auto" | "light" | "dark")}
          data={[
            { value: "auto", label: texts.asTheSystem },
            { value: "light", label: texts.light },
            { value: "dark", label: texts.dark },
          ]}
        />
      </Field>
    </Card>
  );
}
