/** Letters that are open beside the one in front, to go to by a press. */
import { UnstyledButton } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { texts } from "../../texts";
import type { Desk } from "./desk";
import { useLetter } from "./files";
import type { Letter } from "./letter";

export function Dock({ desk }: { desk: Desk }) {
  const others = desk.windows.filter(({ letter }) => letter !== desk.active);
  if (others.length === 0) return null;
  return (
    <div
      className={`dock ${desk.active ? "beside" : ""}`}
      role="group"
      aria-label={texts.openLetters}
    >
      {others.map(({ letter }) => (
        <Tab key={letter.copy} letter={letter} open={() => desk.activate(letter)} />
      ))}
    </div>
  );
}

function Tab({ letter, open }: { letter: Letter; open: () => void }) {
  const { form } = useLetter(letter);
  return (
    <UnstyledButton className="dock-tab" onClick={open}>
      <IconPencil size={15} stroke={1.6} aria-hidden />
      <span>{form.subject || form.to[0] || texts.newMessage}</span>
    </UnstyledButton>
  );
}
