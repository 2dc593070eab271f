import { Button, Group } from "@mantine/core";
import { IconDevices } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Ask } from "../../components/Ask";
import { Time } from "../../components/time";
import { useState } from "react";
import { api, type Schemas, unwrap } from "../../client";
import { texts } from "../../texts";
import { Card } from "../email-account/Card";
import look from "../../design/look.module.css";
import styles from "./SessionsCard.module.css";

/** Where I am signed in; each can be ended. */
export function SessionsCard() {
  const queries = useQueryClient();
  const sessions = useQuery({
    queryKey: ["sessions"],
    queryFn: () => unwrap(api.GET("/api/v1/sessions")),
  });
  const end = useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE("/api/v1/sessions/{id}", { params: { path: { id } } })),
    onSuccess: () => {
      setEnded(undefined);
      return queries.invalidateQueries({ queryKey: ["sessions"] });
    },
  });
  const [ended, setEnded] = useState<Schemas["SessionView"]>();
  return (
    <Card
      title={texts.sessions}
      icon={<IconDevices size={19} stroke={1.6} />}
      summary={sessions.data ? `${sessions.data.length}` : ""}
      open={false}
    >
      {sessions.data?.map((session) => (
        <Group key={session.id} justify="space-between" wrap="nowrap" mb={10}>
          <div className={look.shrinks}>
            <div className={look.oneLine}>
              {browserOf(session.client)}
              {session.current && (
                <span className={`label plain ${styles.mark}`}>{texts.thisOne}</span>
              )}
            </div>
            <div className={look.fine}>
              {texts.lastSeen} <Time at={session.last_seen_at} long />
            </div>
          </div>
          {!session.current && (
            <Button size="compact-sm" variant="default" onClick={() => setEnded(session)}>
              {texts.endSession}
            </Button>
          )}
        </Group>
      ))}
      {ended && (
        <Ask
          title={texts.endSessionAsk({ client: browserOf(ended.client) })}
          says={texts.endSessionSays}
          yes={texts.endSession}
          act={end}
          onYes={() => end.mutate(ended.id)}
          onClose={() => {
            setEnded(undefined);
            end.reset();
          }}
        />
      )}
    </Card>
  );
}

/** "Firefox on Linux" out of what browsers call themselves. */
function browserOf(client: string): string {
  const first = (names: [RegExp, string][]) => names.find(([pattern]) => pattern.test(client))?.[1];
  const browser = first([
    [/Edg/, "Edge"],
    [/OPR/, "Opera"],
    [/Firefox/, "Firefox"],
    [/Chrome|Chromium/, "Chrome"],
    [/Safari/, "Safari"],
  ]);
  const system = first([
    [/Android/, "Android"],
    [/iPhone|iPad/, "iOS"],
    [/Windows/, "Windows"],
    [/Mac OS/, "macOS"],
    [/Linux/, "Linux"],
  ]);
  return browser
    ? system
      ? texts.browserOn({ browser, system })
      : browser
    : client || texts.aProgram;
}
