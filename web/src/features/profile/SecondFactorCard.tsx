import { Button, Group } from "@mantine/core";
import { IconDeviceMobile } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Field, PasswordField, TextField } from "../../components/Field";
import { api, type Schemas, unwrap } from "../../client";
import { useRefused } from "../../components/useRefused";
import { texts } from "../../texts";
import { Card } from "../email-account/Card";
import look from "../../design/look.module.css";
import styles from "./SecondFactorCard.module.css";

/** Codes of an app at sign-in, and recovery codes for the day the phone is gone. */
export function SecondFactorCard({ me }: { me: Schemas["Me"] }) {
  const queries = useQueryClient();
  const [form, setForm] = useState({ password: "", code: "" });
  const refresh = () => queries.invalidateQueries({ queryKey: ["session"] });
  const propose = useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/profile/second-factor/proposal")),
  });
  const on = useMutation({
    mutationFn: () =>
      unwrap(
        api.PUT("/api/v1/profile/second-factor", {
          body: { ...form, secret: propose.data?.secret ?? "" },
        }),
      ),
    onSuccess: () => {
      setForm({ password: "", code: "" });
      return refresh();
    },
  });
  const off = useMutation({
    mutationFn: () =>
      unwrap(api.DELETE("/api/v1/profile/second-factor", { body: { password: form.password } })),
    onSuccess: () => {
      setForm({ password: "", code: "" });
      propose.reset();
      on.reset();
      return refresh();
    },
  });
  const { wrong, error } = useRefused(form, on.error ?? off.error);
  const password = (
    <PasswordField
      id="factor-password"
      label={texts.password}
      wrong={wrong.password}
      hint={texts.yoursMakeSureYou}
      autoComplete="current-password"
      value={form.password}
      onChange={(value) => setForm({ ...form, password: value })}
    />
  );
  return (
    <Card
      title={texts.secondFactor}
      icon={<IconDeviceMobile size={19} stroke={1.6} />}
      summary={me.second_factor ? texts.on : texts.off}
      error={error}
      open={false}
    >
      {on.data && <Codes codes={on.data.codes} />}
      {!me.second_factor && !propose.data && (
        <Group justify="space-between">
          <span className={look.second}>{texts.secondFactorHint}</span>
          <Button loading={propose.isPending} onClick={() => propose.mutate()}>
            {texts.setUp}
          </Button>
        </Group>
      )}
      {!me.second_factor && propose.data && (
        <>
          <Field
            label={texts.scanWithYourApp}
            hint={
              <>
                {texts.orType} <code>{propose.data.secret}</code>
              </>
            }
          >
            <img
              alt={texts.qrCodeForApp}
              width={180}
              height={180}
              className={styles.code}
              src={`data:image/png;base64,${propose.data.qr_png}`}
            />
          </Field>
          <TextField
            id="factor-code"
            label={texts.code}
            wrong={wrong.code ?? wrong.secret}
            hint={texts.sixDigitsAppShows}
            autoComplete="one-time-code"
            inputMode="numeric"
            value={form.code}
            onChange={(value) => setForm({ ...form, code: value })}
          />
          {password}
          <Group justify="flex-end">
            <Button loading={on.isPending} onClick={() => on.mutate()}>
              {texts.turnOnFactor}
            </Button>
          </Group>
        </>
      )}
      {me.second_factor && (
        <>
          {password}
          <Group justify="flex-end">
            <Button variant="default" loading={off.isPending} onClick={() => off.mutate()}>
              {texts.turnOff}
            </Button>
          </Group>
        </>
      )}
    </Card>
  );
}

function Codes({ codes }: { codes: string[] }) {
  return (
    <div className={`notice ${styles.codes}`} role="status">
      <strong>{texts.recoveryCodes}</strong>
      {texts.recoveryCodesHint}
      <pre className={`figures ${styles.columns}`}>{codes.join("\n")}</pre>
    </div>
  );
}
