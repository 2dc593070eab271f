import {
  PasswordInput,
  type PasswordInputProps,
  TextInput,
  type TextInputProps,
} from "@mantine/core";
import type { ReactNode } from "react";

/** A label on the left, a field on the right; what is wrong stands beside the field. */
export function Field({
  label,
  htmlFor,
  hint,
  wrong,
  children,
}: {
  label: string;
  htmlFor?: string;
  hint?: ReactNode;
  wrong?: string;
  children: ReactNode;
}) {
  return (
    <div className="field">
      {htmlFor ? (
        <label htmlFor={htmlFor}>{label}</label>
      ) : (
        <span className="field-label">{label}</span>
      )}
      <div>
        {children}
        {hint && <div className="hint">{hint}</div>}
        {wrong && (
          <div className="wrong" role="alert">
            {wrong}
          </div>
        )}
      </div>
    </div>
  );
}

interface InputField {
  id: string;
  label: string;
  hint?: ReactNode;
  wrong?: string;
  onChange: (value: string) => void;
}

/** A line of text with its label. */
export function TextField({
  label,
  hint,
  wrong,
  onChange,
  ...input
}: InputField & Omit<TextInputProps, keyof InputField>) {
  return (
    <Field label={label} htmlFor={input.id} hint={hint} wrong={wrong}>
      <TextInput {...input} onChange={(event) => onChange(event.target.value)} />
    </Field>
  );
}

/** A secret with its label. */
export function PasswordField({
  label,
  hint,
  wrong,
  onChange,
  ...input
}: InputField & Omit<PasswordInputProps, keyof InputField>) {
  return (
    <Field label={label} htmlFor={input.id} hint={hint} wrong={wrong}>
      <PasswordInput {...input} onChange={(event) => onChange(event.target.value)} />
    </Field>
  );
}
