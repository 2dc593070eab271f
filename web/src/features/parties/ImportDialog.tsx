/** Customers or leads from a CSV file: what would happen is shown before it does. */
import { Button, FileInput, Group, Modal, Stack } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, messageOf, unwrap } from "../../client";
import { texts } from "../../texts";
import look from "../../design/look.module.css";
import styles from "./ImportDialog.module.css";

export function ImportDialog({ kind, onClose }: { kind: string; onClose: () => void }) {
  const queries = useQueryClient();
  const [file, setFile] = useState<File | null>(null);
  const send = async (chosen: File, apply: boolean) =>
    unwrap(
      api.POST("/api/v1/parties/import", {
        params: { query: { kind, apply } },
        body: (await chosen.arrayBuffer()) as unknown as string,
        bodySerializer: (bytes) => bytes,
        headers: { "content-type": "text/csv" },
      }),
    );
  const trial = useMutation({ mutationFn: (chosen: File) => send(chosen, false) });
  const apply = useMutation({
    mutationFn: (chosen: File) => send(chosen, true),
    onSuccess: async (report) => {
      onClose();
      await Promise.all(
        ["parties", "messages", "conversation"].map((key) =>
          queries.invalidateQueries({ queryKey: [key] }),
        ),
      );
      notifications.show({
        message: `${texts.imported}: ${texts.importReport({ added: report.added, changed: report.changed, unchanged: report.unchanged })}`,
      });
    },
  });
  const failed = trial.error ?? apply.error;
  const report = trial.data;
  return (
    <Modal opened onClose={onClose} title={texts.importCsv} size="lg">
      <Stack gap={12}>
        <p className={`${look.flush} ${look.second}`}>{texts.importHint}</p>
        <FileInput
          label={texts.file}
          placeholder={texts.chooseAFile}
          accept=".csv,.vcf,text/csv,text/vcard"
          value={file}
          onChange={(chosen) => {
            setFile(chosen);
            trial.reset();
            if (chosen) trial.mutate(chosen);
          }}
          error={failed && messageOf(failed)}
        />
        {report && (
          <div role="status">
            <strong>
              {texts.importReport({
                added: report.added,
                changed: report.changed,
                unchanged: report.unchanged,
              })}
            </strong>
            {report.read_as && (
              <p className={styles.counts}>{texts.importReadAs(report.read_as)}</p>
            )}
            {report.ignored_columns.length > 0 && (
              <p className={styles.counts}>
                {texts.importIgnored({ columns: report.ignored_columns.join(", ") })}
              </p>
            )}
            {report.refused > 0 && (
              <>
                <p className={styles.leftOut}>{texts.importRefused({ count: report.refused })}</p>
                <ul className={styles.lines}>
                  {report.refusals.map((line) => (
                    <li key={line.line}>
                      {texts.line} {line.line}: {line.reasons.join(" ")}
                    </li>
                  ))}
                </ul>
              </>
            )}
          </div>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {texts.cancel}
          </Button>
          <Button
            disabled={!file || !report || report.added + report.changed === 0}
            loading={trial.isPending || apply.isPending}
            onClick={() => file && apply.mutate(file)}
          >
            {texts.importDo}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
