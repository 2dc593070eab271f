/** Foreign HTML in a frame without an origin, and its remote images: only when asked for, through the server. */
import { Button, Group, Menu } from "@mantine/core";
import { IconChevronDown, IconPhotoOff } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { messageQuery } from "./query";
import look from "../../design/look.module.css";

export function MailFrame({
  row,
  frame,
  height,
}: {
  row: Schemas["MessageRow"];
  frame: Schemas["FrameView"];
  /** In pixels; undefined: all that is left. */
  height?: number;
}) {
  // The address it was opened by: each answer of the server names another, and a frame that is loaded anew loses the reader's place.
  const [shown, setShown] = useState(frame.url);
  const [loaded, setLoaded] = useState(false);
  const load = () => {
    setLoaded(true);
    if (frame.with_images_url) setShown(frame.with_images_url);
  };
  return (
    <>
      {frame.blocked_images > 0 && !loaded && (
        <div className="notice">
          <IconPhotoOff size={18} stroke={1.6} className={look.still} />
          <span className={look.grow}>{texts.blockedImages({ count: frame.blocked_images })}</span>
          <LoadImages row={row} mayAlways={frame.may_be_always} onLoad={load} />
        </div>
      )}
      {/* No allow-same-origin and no allow-scripts: foreign HTML has no origin and runs nothing. */}
      <iframe
        className="mail-frame"
        // Calculated: about as high as what stands in it, which nobody outside of it can measure.
        // eslint-disable-next-line no-restricted-syntax
        style={height === undefined ? undefined : { flex: "none", height }}
        title={row.subject || texts.noSubject}
        src={shown}
        sandbox="allow-popups allow-popups-to-escape-sandbox"
        referrerPolicy="no-referrer"
      />
    </>
  );
}

/** Whether this sender's images are always loaded, for this viewer. */
export function useImagesAlways(id: string) {
  const queries = useQueryClient();
  const path = { params: { path: { id } } };
  return useMutation({
    mutationFn: (always: boolean) =>
      unwrap(
        always
          ? api.PUT("/api/v1/messages/{id}/images", path)
          : api.DELETE("/api/v1/messages/{id}/images", path),
      ),
    onSuccess: () => queries.invalidateQueries({ queryKey: messageQuery(id).queryKey }),
  });
}

function LoadImages({
  row,
  mayAlways,
  onLoad,
}: {
  row: Schemas["MessageRow"];
  mayAlways: boolean;
  onLoad: () => void;
}) {
  const always = useImagesAlways(row.id);
  return (
    <Group gap={4} wrap="nowrap">
      <Button size="compact-sm" variant="default" onClick={onLoad}>
        {texts.loadImages}
      </Button>
      {mayAlways && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button
              size="compact-sm"
              variant="default"
              px={4}
              aria-label={texts.moreImages}
              loading={always.isPending}
            >
              <IconChevronDown size={15} stroke={1.6} />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => always.mutate(true)}>
              {texts.alwaysImages({ address: row.author_address ?? "" })}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </Group>
  );
}
