/** Bold, italic, underline, lists, link, colour, table, image, clear. */
import { RichTextEditor } from "@mantine/tiptap";
import { IconTable } from "@tabler/icons-react";
import Image from "@tiptap/extension-image";
import { TableKit } from "@tiptap/extension-table";
import { Color, TextStyle } from "@tiptap/extension-text-style";
import { type Editor, useEditor } from "@tiptap/react";
import StarterKit from "@tiptap/starter-kit";
import { type RefObject, useEffect } from "react";
import { texts } from "../../texts";

const COLOURS = ["#23201c", "#9c2a20", "#a85b00", "#2c6e49", "#1c4f8c", "#5d574e"];

export function RichText({ html, editor: ref, focus, change, onImage }: { html: string; editor: RefObject<Editor | null>; focus: boolean; change: (html: string) => void; onImage: (file: File) => void }) {
  const images = (files: FileList | undefined) => {
    const found = [...(files ?? [])].filter((file) => file.type.startsWith("image/"));
    found.forEach(onImage);
    return found.length > 0;
  };
  const editor = useEditor({
    extensions: [StarterKit.configure({ link: { openOnClick: false } }), Image, TextStyle, Color, TableKit.configure({ table: { resizable: false } })],
    content: html,
    injectCSS: false,
    autofocus: focus ? "start" : false,
    onUpdate: ({ editor: changed }) => change(changed.getHTML()),
    editorProps: {
      attributes: { "aria-label": texts.messageText, role: "textbox", "aria-multiline": "true" },
      handlePaste: (_, event) => images(event.clipboardData?.files),
      handleDrop: (_, event) => images((event as DragEvent).dataTransfer?.files),
    },
  });
  useEffect(() => {
    ref.current = editor;
  }, [editor, ref]);
  return (
    <RichTextEditor editor={editor} className="rich-text" labels={{ linkEditorInputLabel: texts.link }}>
      <RichTextEditor.Toolbar>
        <RichTextEditor.ControlsGroup><RichTextEditor.Bold /><RichTextEditor.Italic /><RichTextEditor.Underline /></RichTextEditor.ControlsGroup>
        <RichTextEditor.ControlsGroup><RichTextEditor.BulletList /><RichTextEditor.OrderedList /></RichTextEditor.ControlsGroup>
        <RichTextEditor.ControlsGroup><RichTextEditor.Link /><RichTextEditor.Unlink /></RichTextEditor.ControlsGroup>
        <RichTextEditor.ControlsGroup>
          <RichTextEditor.ColorPicker colors={COLOURS} />
          <RichTextEditor.Control aria-label={texts.table} title={texts.table} onClick={() => editor.chain().focus().insertTable({ rows: 2, cols: 2, withHeaderRow: false }).run()}><IconTable size={16} stroke={1.6} /></RichTextEditor.Control>
          <RichTextEditor.ClearFormatting />
        </RichTextEditor.ControlsGroup>
      </RichTextEditor.Toolbar>
      <RichTextEditor.Content />
    </RichTextEditor>
  );
}
