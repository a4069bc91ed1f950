import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link, useRouter, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { publicApi, told } from "../api/client";
import { begin } from "../api/session";
import { queryClient } from "../queries";
import { Card, Notice } from "./Card";

export function SignIn() {
  const { why, from } = useSearch({ from: "/login" });
  const router = useRouter();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const login = useMutation({
    mutationFn: () => told(publicApi.POST("/auth/login", { body: { email, password } })),
    onSuccess: (tokens) => {
      queryClient.clear();
      begin(tokens);
      void router.navigate({ href: from ?? "/", replace: true });
    },
  });
  const other = (
    <>
      New here? <Link to="/register">Make an account</Link>
    </>
  );
  return (
    <Card title="Log in" lead="See what your agents answered." onSubmit={() => login.mutate()} other={other}>
      {why === "expired" && !login.error && <Notice tone="warn">Your session ended. Log in to go on.</Notice>}
      {login.error && <Notice tone="bad">{login.error.message}</Notice>}
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="username"
        required
        autoFocus
        withAsterisk={false}
        value={email}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
      <PasswordInput
        label="Password"
        autoComplete="current-password"
        required
        withAsterisk={false}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      <Button type="submit" size="md" loading={login.isPending}>
        Log in
      </Button>
    </Card>
  );
}
