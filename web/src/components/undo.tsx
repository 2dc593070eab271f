/** Whatever is done at one press can be taken back for ten seconds: there, or by `z`. */
import { Button, Group } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { texts } from "../texts";

/** Of those that are shown, the newest last. */
const offered = new Map<string, () => void>();

/** In place of "are you sure?". */
export function offerUndo(id: string, message: string, undo: () => void) {
  const take = () => {
    notifications.hide(id);
    offered.delete(id);
    undo();
  };
  offered.delete(id);
  offered.set(id, take);
  notifications.show({
    id,
    onClose: () => offered.delete(id),
    message: (
      <Group justify="space-between">
        {message}
        <Button size="compact-sm" variant="default" onClick={take}>
          {texts.undo}
        </Button>
      </Group>
    ),
  });
}

export function undoLatest() {
  [...offered.values()].at(-1)?.();
}
