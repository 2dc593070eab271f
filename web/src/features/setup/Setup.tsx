/** The one-time link: makes the first super-administrator and signs in. */
import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { ApiProblem, api, unwrap } from "../../client";
import { useRefused } from "../../components/useRefused";
import { texts } from "../../texts";
import look from "../../design/look.module.css";

export function Setup() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [form, setForm] = useState({ login: "", name: "", password: "" });
  const make = useMutation({
    mutationFn: async () => {
      // Behind '#', so that no server or proxy ever logs it.
      const token = window.location.hash.slice(1);
      const time_zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
      await unwrap(api.POST("/api/v1/setup", { body: { token, time_zone, ...form } }));
      await unwrap(
        api.POST("/api/v1/session", { body: { login: form.login, password: form.password } }),
      );
    },
    onSuccess: async () => {
      await queries.resetQueries();
      await navigate({ to: "/profile/email-account" });
    },
  });
  const { wrong, error } = useRefused(form, make.error);
  const gone = make.error instanceof ApiProblem && make.error.status === 404;
  const set = (field: keyof typeof form) => (event: { target: { value: string } }) =>
    setForm({ ...form, [field]: event.target.value });
  return (
    <main className="center">
      <form
        className="desk"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <div className={`brand ${look.brandAbove}`}>
          <img src="/seal.svg" alt="" width={28} height={28} /> {texts.app}
        </div>
        <p className={`${look.second} ${look.atTop}`}>{texts.setUpHint}</p>
        <Stack gap={14}>
          <TextInput
            label={texts.name}
            value={form.name}
            onChange={set("name")}
            error={wrong.name}
            autoFocus
          />
          <TextInput
            label={texts.login}
            autoComplete="username"
            value={form.login}
            onChange={set("login")}
            error={wrong.login}
          />
          <PasswordInput
            label={texts.password}
            description={texts.atLeast10Characters}
            autoComplete="new-password"
            value={form.password}
            onChange={set("password")}
            error={wrong.password}
          />
          {error && (
            <div role="alert" className={look.wax}>
              {gone ? texts.setUpLinkOver : error}
            </div>
          )}
          <Button type="submit" loading={make.isPending}>
            {texts.begin}
          </Button>
        </Stack>
      </form>
    </main>
  );
}
