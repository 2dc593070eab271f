/**
 * A form over something stored: what a hand has typed stands above whatever arrives behind it.
 *
 * Fields that nobody touched follow what is stored (or derived, such as a provider's servers); a touched one is changed by
 * nobody else, until it has been saved and what is stored moves on.
 */
import { useState } from "react";

/** `over`: it was saved while this was stored, and stands until something else is. */
type Edit = { value: unknown; over?: string };

export type Edits<T> = {
  form: T;
  set: (part: Partial<T>) => void;
  /** Something is typed that is not saved. */
  isEdited: boolean;
  saved: (sent: T) => void;
};

export function useEdits<T extends object>(stored: T): Edits<T> {
  const [edits, setEdits] = useState<Record<string, Edit>>({});
  const storedAt = (field: string) => JSON.stringify(stored[field as keyof T]) ?? "";
  const held = Object.entries(edits).filter(
    ([field, edit]) => edit.over === undefined || edit.over === storedAt(field),
  );
  return {
    form: { ...stored, ...Object.fromEntries(held.map(([field, { value }]) => [field, value])) },
    set: (part) =>
      setEdits((before) => ({
        ...before,
        ...each(Object.entries(part), (_, value) => ({ value })),
      })),
    isEdited: held.some(
      ([field, { value, over }]) => over === undefined && JSON.stringify(value) !== storedAt(field),
    ),
    saved: (sent) =>
      setEdits((before) =>
        each(Object.entries(before), (field, edit) =>
          isSame(edit.value, sent[field as keyof T]) ? { ...edit, over: storedAt(field) } : edit,
        ),
      ),
  };
}

function each<V>(
  entries: [string, V][],
  change: (field: string, value: V) => Edit,
): Record<string, Edit> {
  return Object.fromEntries(entries.map(([field, value]) => [field, change(field, value)]));
}

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
