/** A message that is shown wrongly: its reader says what it is written in, for as long as it is open. */
import { Button, Modal, Select } from "@mantine/core";
import { texts } from "../../texts";
import look from "../../design/look.module.css";

/** How a message is read otherwise than it says of itself. */
export type Reading = { encoding?: string; onRead: (encoding?: string) => void };

/** Names as browsers know them (encoding.spec.whatwg.org). */
const ENCODINGS = [
  { value: "utf-8", label: texts.unicodeUtf8 },
  { value: "windows-1252", label: texts.westernEuropean },
  { value: "windows-1250", label: texts.centralEuropean },
  { value: "iso-8859-2", label: texts.centralEuropeanIso },
  { value: "windows-1257", label: texts.baltic },
  { value: "windows-1254", label: texts.turkish },
  { value: "windows-1251", label: texts.cyrillicWindows },
  { value: "koi8-r", label: texts.cyrillicKoi8R },
  { value: "koi8-u", label: texts.cyrillicKoi8U },
  { value: "iso-8859-5", label: texts.cyrillicIso },
  { value: "ibm866", label: texts.cyrillicDos },
  { value: "windows-1253", label: texts.greek },
  { value: "windows-1255", label: texts.hebrew },
  { value: "windows-1256", label: texts.arabic },
  { value: "windows-874", label: texts.thai },
  { value: "windows-1258", label: texts.vietnamese },
  { value: "gb18030", label: texts.chineseSimplified },
  { value: "big5", label: texts.chineseTraditional },
  { value: "shift_jis", label: texts.japaneseShiftJis },
  { value: "euc-jp", label: texts.japaneseEucJp },
  { value: "iso-2022-jp", label: texts.japaneseIso2022Jp },
  { value: "euc-kr", label: texts.korean },
];

export function EncodingDialog({ encoding, onRead, onClose }: Reading & { onClose: () => void }) {
  const choose = (value: string | null) => {
    if (value) onRead(value);
    onClose();
  };
  return (
    <Modal opened onClose={onClose} title={texts.otherEncoding}>
      <Select
        label={texts.writtenIn}
        description={texts.writtenInHint}
        data={ENCODINGS}
        value={encoding ?? null}
        onChange={choose}
        searchable
        data-autofocus
      />
    </Modal>
  );
}

/** Above what is read so: how, and the way back. */
export function ReadAs({ encoding, onRead }: Reading) {
  if (!encoding) return null;
  const name = ENCODINGS.find((known) => known.value === encoding)?.label ?? encoding;
  return (
    <div className="notice" role="note">
      <span className={look.grow}>{texts.readAs({ encoding: name })}</span>
      <Button size="compact-sm" variant="default" onClick={() => onRead(undefined)}>
        {texts.readAsSent}
      </Button>
    </div>
  );
}
