/** A one-time link: choose a password, as a new administrator or after a reset. */
import { Button, PasswordInput, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { ApiProblem, api, unwrap } from "../../client";
import { useRefused } from "../../components/useRefused";
import { texts } from "../../texts";
import look from "../../design/look.module.css";

export function Welcome() {
  const navigate = useNavigate();
  const [password, setPassword] = useState("");
  const choose = useMutation({
    // Behind '#', so that no server or proxy ever logs it.
    mutationFn: () =>
      unwrap(
        api.POST("/api/v1/welcome", { body: { token: window.location.hash.slice(1), password } }),
      ),
    onSuccess: () => navigate({ to: "/inbox" }),
  });
  const { wrong, error } = useRefused({ password }, choose.error);
  const gone = choose.error instanceof ApiProblem && choose.error.status === 404;
  return (
    <main className="center">
      <form
        className="desk"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          choose.mutate();
        }}
      >
        <div className={`brand ${look.brandAbove}`}>
          <img src="/seal.svg" alt="" width={28} height={28} /> {texts.app}
        </div>
        <p className={`${look.second} ${look.atTop}`}>{texts.welcomeHint}</p>
        <Stack gap={14}>
          <PasswordInput
            label={texts.password}
            description={texts.atLeast10Characters}
            autoComplete="new-password"
            autoFocus
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            error={wrong.password}
          />
          {error && (
            <div role="alert" className={look.wax}>
              {gone ? texts.signInLinkOver : error}
            </div>
          )}
          <Button type="submit" loading={choose.isPending}>
            {texts.save}
          </Button>
        </Stack>
      </form>
    </main>
  );
}
