/** A long list in few words, the rest when asked for: two hundred recipients must not push the text off the page. */
import { Fragment, type ReactNode, useState } from "react";
import { texts } from "../texts";

/** So many are shown of more. */
const SHOWN = 3;

export function Folded({
  items,
  shown = SHOWN,
  between = ", ",
}: {
  items: ReactNode[];
  shown?: number;
  between?: ReactNode;
}) {
  const [open, setOpen] = useState(false);
  // One more is not worth a fold.
  const folds = items.length > shown + 1;
  const visible = folds && !open ? items.slice(0, shown) : items;
  return (
    <>
      <span className={folds && open ? "unfolded" : undefined}>
        {visible.map((item, index) => (
          <Fragment key={index}>
            {index > 0 && between}
            {item}
          </Fragment>
        ))}
      </span>
      {folds && (
        <>
          {" "}
          <button
            type="button"
            className="fold"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
          >
            {open ? texts.showFewer : texts.andMore({ count: items.length - shown })}
          </button>
        </>
      )}
    </>
  );
}
