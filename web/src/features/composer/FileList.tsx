/** The files that go along, and those that are on their way to the server. */
import { ActionIcon, CloseButton, Progress, Tooltip } from "@mantine/core";
import { IconPaperclip } from "@tabler/icons-react";
import { useRef } from "react";
import { texts } from "../../texts";
import type { Files } from "./files";
import { listed } from "./kept";
import type { Letter } from "./letter";
import look from "../../design/look.module.css";

export function FileList({ letter, files }: { letter: Letter; files: Files }) {
  const held = listed(letter.kept.files);
  if (held.length + files.running.length === 0) return null;
  return (
    <div className="files">
      {held.map((file) => (
        <span key={file.id} className="file">
          <span>{file.name}</span>
          {!letter.isLocked && (
            <CloseButton
              size="sm"
              aria-label={`${texts.remove} ${file.name}`}
              onClick={() => files.remove(file)}
            />
          )}
        </span>
      ))}
      {files.running.map((one) => (
        <span key={one.id} className="file">
          <span>{one.name}</span>
          {one.failed ? (
            <span role="alert" className={look.wax}>
              {one.failed}
            </span>
          ) : (
            <Progress value={one.percent} w={70} aria-label={`${one.name} ${one.percent} %`} />
          )}
          <CloseButton
            size="sm"
            aria-label={`${texts.remove} ${one.name}`}
            onClick={() => files.cancel(one.id)}
          />
        </span>
      ))}
    </div>
  );
}

export function FilePicker({ onPick }: { onPick: (file: File) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Tooltip label={texts.attach}>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={texts.attach}
          onClick={() => input.current?.click()}
        >
          <IconPaperclip size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={texts.attachments}
        onChange={(event) => {
          for (const file of event.target.files ?? []) onPick(file);
          event.target.value = "";
        }}
      />
    </>
  );
}
