/** Bold, italic, underline, lists, link, colour, table, image, clear. */
import "@mantine/tiptap/styles.css";
import { RichTextEditor } from "@mantine/tiptap";
import { IconTable } from "@tabler/icons-react";
import { type Editor, Extension } from "@tiptap/core";
import Image from "@tiptap/extension-image";
import { Table, TableCell, TableHeader, TableRow } from "@tiptap/extension-table";
import { Color, TextStyle } from "@tiptap/extension-text-style";
import { useEditor } from "@tiptap/react";
import StarterKit from "@tiptap/starter-kit";
import { useEffect, useLayoutEffect, useState } from "react";
import { texts } from "../../texts";
import type { Letter } from "./letter";

const COLOURS = ["#23201c", "#9c2a20", "#a85b00", "#2c6e49", "#1c4f8c", "#5d574e"];

/** A new one has lines that arrive with the message; one that was quoted or pasted keeps what it has. */
const styled = (style: string) => ({
  default: style,
  parseHTML: (element: HTMLElement) => element.getAttribute("style"),
  renderHTML: ({ style: own }: Record<string, unknown>) => (own ? { style: own } : {}),
});
const CELL = "border: 1px solid #b8b0a4; padding: 4px 8px";
const tables = [
  Table.extend({
    addAttributes: () => ({ style: styled("border-collapse: collapse") }),
    renderHTML: ({ HTMLAttributes }) => ["table", HTMLAttributes, ["tbody", 0]],
  }),
  TableRow,
  TableCell.extend({
    addAttributes() {
      return { ...this.parent?.(), style: styled(CELL) };
    },
  }),
  TableHeader.extend({
    addAttributes() {
      return { ...this.parent?.(), style: styled(CELL) };
    },
  }),
];
/** By its type, programs of mail know what was quoted. */
const QuoteType = Extension.create({
  name: "quoteType",
  addGlobalAttributes: () => [
    {
      types: ["blockquote"],
      attributes: {
        type: { default: null, parseHTML: (element: HTMLElement) => element.getAttribute("type") },
      },
    },
  ],
});

/** Where whoever began to type before there was an editor had come to. */
function goOnAfter(editor: Editor, ahead: string): void {
  const lines = ahead.split("\n");
  const { doc } = editor.state;
  const end = lines.reduce((at, _, line) => at + (doc.maybeChild(line)?.nodeSize ?? 0), 0);
  editor.commands.setTextSelection(end - 1);
}

/**
 * From here on the letter is what stands in the editor. What was typed or came after the editor was made and before it is
 * shown is in the letter alone: it goes in first.
 */
function useText(editor: Editor, letter: Letter, made: string): void {
  useLayoutEffect(() => {
    if (editor.isDestroyed) return;
    if (letter.form.html !== made)
      editor
        .chain()
        .setMeta("addToHistory", false)
        .setContent(letter.form.html, { emitUpdate: false })
        .run();
    letter.editIn(editor);
    return () => letter.editIn(null);
  }, [editor, letter, made]);
}

export default function RichText({
  letter,
  focus,
  onImage,
}: {
  letter: Letter;
  focus: boolean;
  onImage: (file: File) => void;
}) {
  const images = (files: FileList | undefined) => {
    const found = [...(files ?? [])].filter((file) => file.type.startsWith("image/"));
    found.forEach(onImage);
    return found.length > 0;
  };
  const [made] = useState(letter.form.html);
  const editor = useEditor({
    extensions: [
      StarterKit.configure({ link: { openOnClick: false } }),
      QuoteType,
      Image,
      TextStyle,
      Color,
      ...tables,
    ],
    content: made,
    injectCSS: false,
    editable: !letter.isReadOnly,
    onUpdate: ({ editor: changed }) => letter.set({ html: changed.getHTML() }),
    editorProps: {
      attributes: { "aria-label": texts.messageText, role: "textbox", "aria-multiline": "true" },
      handlePaste: (_, event) => images(event.clipboardData?.files),
      handleDrop: (_, event) => images((event as DragEvent).dataTransfer?.files),
    },
  });
  useText(editor, letter, made);
  // At once, not in the next frame as the editor would: what is typed next must find it. One that was given up before it
  // was shown is no editor any more; another one comes.
  useLayoutEffect(() => {
    if (!focus || letter.isReadOnly || editor.isDestroyed) return;
    if (letter.ahead) goOnAfter(editor, letter.ahead);
    else editor.commands.setTextSelection(1);
    editor.view.focus();
  }, [editor, focus, letter]);
  useEffect(() => {
    if (!editor.isDestroyed && editor.isEditable === letter.isReadOnly)
      editor.setEditable(!letter.isReadOnly, false);
  }, [editor, letter, letter.isReadOnly]);
  return (
    <RichTextEditor
      editor={editor}
      className="rich-text"
      labels={{ linkEditorInputLabel: texts.link }}
    >
      <RichTextEditor.Toolbar>
        <RichTextEditor.ControlsGroup>
          <RichTextEditor.Bold />
          <RichTextEditor.Italic />
          <RichTextEditor.Underline />
        </RichTextEditor.ControlsGroup>
        <RichTextEditor.ControlsGroup>
          <RichTextEditor.BulletList />
          <RichTextEditor.OrderedList />
        </RichTextEditor.ControlsGroup>
        <RichTextEditor.ControlsGroup>
          <RichTextEditor.Link />
          <RichTextEditor.Unlink />
        </RichTextEditor.ControlsGroup>
        <RichTextEditor.ControlsGroup>
          <RichTextEditor.ColorPicker colors={COLOURS} />
          <RichTextEditor.Control
            aria-label={texts.table}
            title={texts.table}
            onClick={() =>
              editor.chain().focus().insertTable({ rows: 2, cols: 2, withHeaderRow: false }).run()
            }
          >
            <IconTable size={16} stroke={1.6} />
          </RichTextEditor.Control>
          <RichTextEditor.ClearFormatting />
        </RichTextEditor.ControlsGroup>
      </RichTextEditor.Toolbar>
      <RichTextEditor.Content />
    </RichTextEditor>
  );
}
