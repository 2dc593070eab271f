/** Chips of the composer: `Name <address>`, or an address alone. */
import type { Schemas } from "../../client";

type Recipient = Schemas["RecipientView"];

export function toChip({ name, address }: Recipient): string {
  return name ? `${name.replaceAll(/[<>,;]/g, " ")} <${address}>` : address;
}

export function fromChip(chip: string): Recipient {
  const named = /^(.*)<([^<>]*)>\s*$/.exec(chip);
  return named
    ? { name: (named[1] ?? "").trim().replace(/^"|"$/g, ""), address: (named[2] ?? "").trim() }
    : { name: "", address: chip.trim() };
}

/** What the server will take; it looks more closely. */
export function looksRight(chip: string): boolean {
  return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)*$/.test(fromChip(chip).address);
}
