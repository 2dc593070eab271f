import { Button, Group, PasswordInput, SegmentedControl, Select, TextInput, useMantineColorScheme } from "@mantine/core";
import { IconLock, IconPalette, IconUser } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Field } from "../../components/Field";
import { datesLanguage, exactTime, setDatesLanguage } from "../../components/time";
import { api, type Schemas, unwrap } from "../../client";
import { useSession, useSignOut } from "../../session";
import { texts } from "../../texts";
import { Card } from "../email-account/Card";
import { useSave } from "../email-account/useSave";
import { SecondFactorCard } from "./SecondFactorCard";
import { SessionsCard } from "./SessionsCard";

export function Profile() {
  const me = useSession().data;
  const signOut = useSignOut();
  return (
    <div className="scroll">
      <div className="page">
        <h1 style={{ fontSize: 23, margin: "4px 0 14px" }}>{texts.myProfile}</h1>
        {me && <ProfileCard me={me} />}
        <PasswordCard />
        {me && <SecondFactorCard me={me} />}
        <SessionsCard />
        <LookCard />
        <Group gap={18} mt={4}>
          <Link to="/profile/email-account" style={{ color: "var(--wax)" }}>{texts.emailAccount}</Link>
          {me?.is_super && <Link to="/administrators" className="narrow-only" style={{ color: "var(--wax)" }}>{texts.administrators}</Link>}
          <Button className="narrow-only" variant="default" onClick={() => signOut.mutate()}>{texts.signOut}</Button>
        </Group>
      </div>
    </div>
  );
}

function ProfileCard({ me }: { me: Schemas["Me"] }) {
  const [form, setForm] = useState({ name: me.name, time_zone: me.time_zone });
  const { wrong, error, card } = useSave(() => unwrap(api.PUT("/api/v1/profile", { body: form })));
  return (
    <Card title="Profile" icon={<IconUser size={19} stroke={1.6} />} summary={me.login} error={error} {...card}>
      <Field label={texts.name} htmlFor="own-name" wrong={wrong.name}><TextInput id="own-name" value={form.name} onChange={(event) => setForm({ ...form, name: event.target.value })} /></Field>
      <Field label={texts.timeZone} htmlFor="zone" wrong={wrong.time_zone} hint="Days in your settings are days of this zone."><Select id="zone" searchable allowDeselect={false} value={form.time_zone} data={[...new Set([...Intl.supportedValuesOf("timeZone"), "UTC", form.time_zone])]} onChange={(time_zone) => setForm({ ...form, time_zone: time_zone ?? "UTC" })} /></Field>
    </Card>
  );
}

function PasswordCard() {
  const [form, setForm] = useState({ current_password: "", new_password: "" });
  const { wrong, error, card } = useSave(() => unwrap(api.PUT("/api/v1/profile/password", { body: form })));
  return (
    <Card title={texts.password} icon={<IconLock size={19} stroke={1.6} />} summary="" error={error} {...card} open={false}>
      <Field label="Current password" htmlFor="current" wrong={wrong.current_password}><PasswordInput id="current" autoComplete="current-password" value={form.current_password} onChange={(event) => setForm({ ...form, current_password: event.target.value })} /></Field>
      <Field label="New password" htmlFor="new" wrong={wrong.new_password} hint="Ends your other sessions."><PasswordInput id="new" autoComplete="new-password" value={form.new_password} onChange={(event) => setForm({ ...form, new_password: event.target.value })} /></Field>
    </Card>
  );
}

const LANGUAGES = [["en-GB", "English (UK)"], ["en-US", "English (US)"], ["de", "Deutsch"], ["es", "Español"], ["pt", "Português"], ["uk", "Українська"], ["cs", "Čeština"], ["fr", "Français"], ["pl", "Polski"], ["it", "Italiano"]].map(([value, label]) => ({ value: value ?? "", label: label ?? "" }));

function LookCard() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [dates, setDates] = useState(datesLanguage());
  return (
    <Card title="Look" icon={<IconPalette size={19} stroke={1.6} />} summary="" open={false}>
      <Field label="Colours"><SegmentedControl aria-label="Colours" value={colorScheme} onChange={(scheme) => setColorScheme(scheme as "auto" | "light" | "dark")} data={[{ value: "auto", label: "As the system" }, { value: "light", label: "Light" }, { value: "dark", label: "Dark" }]} /></Field>
      <Field label="Language of dates" htmlFor="dates" hint={exactTime(new Date())}><Select id="dates" allowDeselect={false} value={dates} onChange={(language) => { setDatesLanguage(language ?? ""); setDates(language ?? ""); }} data={[{ value: "", label: "As the browser" }, ...LANGUAGES]} /></Field>
    </Card>
  );
}
