import { Button, Group, PasswordInput, TextInput } from "@mantine/core";
import { IconDeviceMobile } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Field } from "../../components/Field";
import { api, fieldsOf, messageOf, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { Card } from "../email-account/Card";

/** Codes of an app at sign-in, and recovery codes for the day the phone is gone. */
export function SecondFactorCard({ me }: { me: Schemas["Me"] }) {
  const queries = useQueryClient();
  const [form, setForm] = useState({ password: "", code: "" });
  const refresh = () => queries.invalidateQueries({ queryKey: ["session"] });
  const propose = useMutation({ mutationFn: () => unwrap(api.POST("/api/v1/profile/second-factor/proposal")) });
  const on = useMutation({
    mutationFn: () => unwrap(api.PUT("/api/v1/profile/second-factor", { body: { ...form, secret: propose.data?.secret ?? "" } })),
    onSuccess: () => { setForm({ password: "", code: "" }); return refresh(); },
  });
  const off = useMutation({
    mutationFn: () => unwrap(api.DELETE("/api/v1/profile/second-factor", { body: { password: form.password } })),
    onSuccess: () => { setForm({ password: "", code: "" }); propose.reset(); on.reset(); return refresh(); },
  });
  const failed = on.error ?? off.error;
  const wrong = fieldsOf(failed);
  const error = failed && Object.keys(wrong).length === 0 ? messageOf(failed) : undefined;
  const password = (
    <Field label={texts.password} htmlFor="factor-password" wrong={wrong.password} hint="Yours, to make sure it is you."><PasswordInput id="factor-password" autoComplete="current-password" value={form.password} onChange={(event) => setForm({ ...form, password: event.target.value })} /></Field>
  );
  return (
    <Card title={texts.secondFactor} icon={<IconDeviceMobile size={19} stroke={1.6} />} summary={me.second_factor ? "On" : "Off"} error={error} open={false}>
      {on.data && <Codes codes={on.data.codes} />}
      {!me.second_factor && !propose.data && <Group justify="space-between"><span style={{ color: "var(--ink2)" }}>A code of an app on your phone, beside your password.</span><Button loading={propose.isPending} onClick={() => propose.mutate()}>Set up</Button></Group>}
      {!me.second_factor && propose.data && (
        <>
          <Field label="Scan with your app" hint={<>Or type: <code>{propose.data.secret}</code></>}><img alt="QR code for the app" width={180} height={180} style={{ background: "#fff", padding: 8, borderRadius: 8 }} src={`data:image/png;base64,${propose.data.qr_png}`} /></Field>
          <Field label={texts.code} htmlFor="factor-code" wrong={wrong.code ?? wrong.secret} hint="The six digits that the app shows now."><TextInput id="factor-code" autoComplete="one-time-code" inputMode="numeric" value={form.code} onChange={(event) => setForm({ ...form, code: event.target.value })} /></Field>
          {password}
          <Group justify="flex-end"><Button loading={on.isPending} onClick={() => on.mutate()}>Turn on</Button></Group>
        </>
      )}
      {me.second_factor && (
        <>
          {password}
          <Group justify="flex-end"><Button variant="default" loading={off.isPending} onClick={() => off.mutate()}>{texts.turnOff}</Button></Group>
        </>
      )}
    </Card>
  );
}

function Codes({ codes }: { codes: string[] }) {
  return (
    <div className="notice" role="status" style={{ display: "block", marginBottom: 14 }}>
      <strong>Recovery codes</strong>: each works once in place of a code. They are not shown again; keep them where your phone is not.
      <pre className="figures" style={{ columns: 2, margin: "8px 0 0" }}>{codes.join("\n")}</pre>
    </div>
  );
}
