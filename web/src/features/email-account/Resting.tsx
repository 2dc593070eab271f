/** Somebody's sign-in was reset: whoever has it now sees nothing of this account until its owner knows who that is. */
import { Alert, Button, Group } from "@mantine/core";
import { IconUserQuestion } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, messageOf, unwrap } from "../../client";
import { dayAt } from "../../components/time";
import { texts } from "../../texts";

export function Resting({
  account,
  colleague,
  name,
  since,
}: {
  account: string;
  colleague: string;
  name: string;
  since: string;
}) {
  const queries = useQueryClient();
  const confirm = useMutation({
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/accounts/{id}/grants/confirm", {
          params: { path: { id: account } },
          body: { administrator_id: colleague },
        }),
      ),
    onSuccess: () => queries.invalidateQueries(),
  });
  return (
    <Alert
      mb={8}
      color="orange"
      icon={<IconUserQuestion size={18} stroke={1.6} />}
      aria-label={texts.accessRestsOf({ name })}
    >
      {texts.accessRests({ name, since: dayAt(since) })}
      <Group gap={8} mt={8}>
        <Button size="xs" loading={confirm.isPending} onClick={() => confirm.mutate()}>
          {texts.confirmAccess}
        </Button>
        {confirm.error && <span role="status">{messageOf(confirm.error)}</span>}
      </Group>
    </Alert>
  );
}
