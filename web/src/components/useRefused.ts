/** What the server refused of a form: by field until that field is changed, all else as one sentence. */
import { useState } from "react";
import { fieldsOf, messageOf } from "../client";

type Refused = { wrong: Record<string, string>; error?: string };

/** `form`: all that was sent, as it stands now. What is refused of anything else has no place but the sentence. */
export function useRefused(form: object, failed: unknown): Refused {
  const [refused, setRefused] = useState({ failed, form });
  if (refused.failed !== failed) setRefused({ failed, form });
  const before = refused.failed === failed ? refused.form : form;
  const all = Object.entries(fieldsOf(failed));
  const [own, others] = [all.filter(([at]) => at in form), all.filter(([at]) => !(at in form))];
  const sentence = failed && all.length === 0 ? messageOf(failed) : others[0]?.[1];
  return {
    wrong: Object.fromEntries(own.filter(([field]) => isSame(before, form, field))),
    error: others.length === 0 || isSame(before, form) ? sentence : undefined,
  };
}

function isSame(before: object, now: object, field?: string): boolean {
  const value = (form: object) => (field ? form[field as keyof typeof form] : form);
  return JSON.stringify(value(before)) === JSON.stringify(value(now));
}
