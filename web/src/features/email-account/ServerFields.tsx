/** Where a server is and how it is spoken to: the same fields for a mailbox's own and for the system's. */
import { NumberInput, Select } from "@mantine/core";
import { Field, TextField } from "../../components/Field";
import { texts } from "../../texts";
import { CertificateField } from "./Certificate";

const SMTP_PORTS: Record<string, number> = { tls: 465, starttls: 587, none: 25 };

type Server = {
  server: string;
  port: number;
  security: string;
  pinned_certificate?: string | null;
};

/** Ports follow the mode only while they are at a default. */
export function secured(port: number, security: string, defaults: Record<string, number>) {
  const isDefault = Object.values(defaults).includes(port);
  return { security, port: isDefault ? (defaults[security] ?? port) : port };
}

export function PortField({
  id,
  label,
  wrong,
  port,
  disabled,
  onChange,
}: {
  id: string;
  label: string;
  wrong?: string;
  port: number;
  disabled?: boolean;
  onChange: (port: number) => void;
}) {
  return (
    <Field label={label} htmlFor={id} wrong={wrong}>
      <NumberInput
        id={id}
        min={1}
        max={65535}
        allowDecimal={false}
        hideControls
        value={port}
        disabled={disabled}
        onChange={(port) => onChange(Number(port) || 0)}
      />
    </Field>
  );
}

/** `locked`: they are somebody else's, and only shown. */
export function SmtpServerFields({
  prefix,
  form,
  set,
  wrong,
  securityLabel,
  hints = {},
  locked = false,
}: {
  prefix: string;
  form: Server;
  set: (part: Partial<Server>) => void;
  wrong: Record<string, string>;
  securityLabel: string;
  hints?: { server?: string; security?: string };
  locked?: boolean;
}) {
  return (
    <>
      <TextField
        id={`${prefix}-server`}
        label={texts.smtpServer}
        wrong={wrong.server}
        hint={hints.server}
        placeholder="smtp.example.org"
        value={form.server}
        disabled={locked}
        onChange={(server) => set({ server })}
      />
      <PortField
        id={`${prefix}-port`}
        label={texts.smtpPort}
        wrong={wrong.port}
        port={form.port}
        disabled={locked}
        onChange={(port) => set({ port })}
      />
      <Field label={securityLabel} htmlFor={`${prefix}-security`} hint={hints.security}>
        <Select
          id={`${prefix}-security`}
          allowDeselect={false}
          value={form.security}
          disabled={locked}
          onChange={(mode) => set(secured(form.port, mode ?? "starttls", SMTP_PORTS))}
          data={[
            { value: "none", label: texts.none },
            { value: "starttls", label: texts.tlsStarttls },
            { value: "tls", label: "SSL" },
          ]}
        />
      </Field>
      {!locked && form.security !== "none" && (
        <CertificateField
          pinned={form.pinned_certificate}
          onUnpin={() => set({ pinned_certificate: null })}
        />
      )}
    </>
  );
}

export function SmtpAuthField({
  id,
  auth,
  disabled,
  mayBeNone,
  onChange,
}: {
  id: string;
  auth: string;
  disabled?: boolean;
  mayBeNone: boolean;
  onChange: (auth: string) => void;
}) {
  return (
    <Field label={texts.smtpAuthenticationType} htmlFor={id}>
      <Select
        id={id}
        allowDeselect={false}
        value={auth}
        disabled={disabled}
        onChange={(auth) => onChange(auth ?? "plain")}
        data={[
          ...(mayBeNone ? [{ value: "none", label: texts.none }] : []),
          { value: "plain", label: texts.plain },
          { value: "login", label: texts.login },
          { value: "cram-md5", label: "CRAM-MD5" },
          { value: "xoauth2", label: "XOAUTH2" },
        ]}
      />
    </Field>
  );
}
