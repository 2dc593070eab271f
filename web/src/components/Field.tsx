import type { ReactNode } from "react";

/** A label on the left, a field on the right; what is wrong stands beside the field. */
export function Field({ label, htmlFor, hint, wrong, children }: {
  label: string;
  htmlFor?: string;
  hint?: ReactNode;
  wrong?: string;
  children: ReactNode;
}) {
  return (
    <div className="field">
      {htmlFor ? <label htmlFor={htmlFor}>{label}</label> : <span className="field-label">{label}</span>}
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
