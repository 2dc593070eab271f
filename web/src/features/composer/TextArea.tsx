/** Where the text is written: the editor, and until it has been loaded a plain field that takes what is typed. */
import { lazy, Suspense } from "react";
import { texts } from "../../texts";
import { useLetter } from "./files";
import type { Letter } from "./letter";

/** It is large, and not needed to read. */
export const loadRichText = () => import("./RichText");
const RichText = lazy(loadRichText);

export function TextArea({
  letter,
  focus,
  onImage,
}: {
  letter: Letter;
  focus: boolean;
  onImage: (file: File) => void;
}) {
  return (
    <Suspense fallback={<Plain letter={letter} focus={focus} />}>
      <RichText key={letter.edition} letter={letter} focus={focus} onImage={onImage} />
    </Suspense>
  );
}

function Plain({ letter, focus }: { letter: Letter; focus: boolean }) {
  const { ahead } = useLetter(letter);
  return (
    <textarea
      autoFocus={focus}
      className="plain-text"
      aria-label={texts.messageText}
      value={ahead}
      readOnly={letter.isReadOnly}
      onChange={(event) => letter.typeAhead(event.target.value)}
    />
  );
}
