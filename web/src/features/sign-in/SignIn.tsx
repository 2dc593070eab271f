import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { ApiProblem, api, messageOf, unwrap } from "../../client";
import { texts } from "../../texts";
import look from "../../design/look.module.css";
import styles from "./SignIn.module.css";

export function SignIn() {
  const queries = useQueryClient();
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const setup = useQuery({ queryKey: ["setup"], queryFn: () => unwrap(api.GET("/api/v1/setup")) });
  const [code, setCode] = useState("");
  const signIn = useMutation({
    mutationFn: () =>
      unwrap(api.POST("/api/v1/session", { body: { login, password, code: code || null } })),
    onSuccess: () => queries.resetQueries(),
  });
  const codeAsked = signIn.error instanceof ApiProblem && signIn.error.secondFactor;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <main className="center">
      <form className="desk" onSubmit={submit}>
        <div className={`brand ${styles.brand}`}>
          <img src="/seal.svg" alt="" width={28} height={28} /> {texts.app}
        </div>
        <Stack gap={14}>
          {setup.data?.needed && (
            <Alert color="orange" title={texts.noAdministratorYet}>
              {texts.noAdministratorHint}
            </Alert>
          )}
          <TextInput
            label={texts.login}
            autoComplete="username"
            autoFocus
            value={login}
            onChange={(event) => setLogin(event.target.value)}
            required
            withAsterisk={false}
          />
          <PasswordInput
            label={texts.password}
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
            required
            withAsterisk={false}
          />
          {(codeAsked || code) && (
            <TextInput
              label={texts.code}
              description={texts.codeHint}
              autoComplete="one-time-code"
              inputMode="text"
              autoFocus
              value={code}
              onChange={(event) => setCode(event.target.value)}
            />
          )}
          {signIn.isError && (
            <div role="alert" className={look.wax}>
              {messageOf(signIn.error)}
            </div>
          )}
          <Button type="submit" loading={signIn.isPending}>
            {texts.signIn}
          </Button>
        </Stack>
      </form>
    </main>
  );
}
