const TINTS = ["#e3ecf5", "#dfece2", "#f2e2ec", "#f5ebd0", "#e9e4f3", "#dcecec"];
const INKS = ["#274a7d", "#245c3c", "#7d2a5a", "#6d4c00", "#4b3a86", "#1f5757"];

/** The first letter of a name; U for a sender nobody knows. */
export function Avatar({ name, unknown }: { name: string; unknown: boolean }) {
  if (unknown) {
    return (
      <span className="avatar" style={{ background: "#e8e3d9", color: "#5d574e" }} aria-hidden>
        U
      </span>
    );
  }
  const tint =
    [...name].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0) % TINTS.length;
  return (
    <span className="avatar" style={{ background: TINTS[tint], color: INKS[tint] }} aria-hidden>
      {([...name.trim()][0] ?? "?").toUpperCase()}
    </span>
  );
}
