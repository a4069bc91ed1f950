import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { Problem, publicApi, told } from "../api/client";
import { begin } from "../api/session";
import { queryClient } from "../queries";
import { Card, Notice } from "./Card";

type Account = { name: string; email: string; password: string };

async function register({ name, email, password }: Account) {
  await told(publicApi.POST("/auth/register", { body: { email, password, full_name: name.trim() || null } }));
  return told(publicApi.POST("/auth/login", { body: { email, password } }));
}

export function Register() {
  const router = useRouter();
  const [account, setAccount] = useState<Account>({ name: "", email: "", password: "" });
  const set = (name: keyof Account) => (event: { currentTarget: { value: string } }) =>
    setAccount({ ...account, [name]: event.currentTarget.value });
  const made = useMutation({
    mutationFn: () => register(account),
    onSuccess: (tokens) => {
      queryClient.clear();
      begin(tokens);
      void router.navigate({ to: "/connect", replace: true });
    },
  });
  const fields = made.error instanceof Problem ? made.error.fields : [];
  const faultOf = (name: string) => fields.find((each) => each.field === name)?.message;
  const other = (
    <>
      You have an account? <Link to="/login">Log in</Link>
    </>
  );
  return (
    <Card
      title="Make an account"
      lead="It comes with a project of your own."
      onSubmit={() => made.mutate()}
      other={other}
    >
      {made.error && fields.length === 0 && <Notice tone="bad">{made.error.message}</Notice>}
      <TextInput
        label="Name"
        autoComplete="name"
        autoFocus
        value={account.name}
        onChange={set("name")}
        maxLength={200}
      />
      <TextInput
        label="E-mail"
        type="email"
        autoComplete="username"
        required
        withAsterisk={false}
        value={account.email}
        onChange={set("email")}
        error={faultOf("email")}
      />
      <PasswordInput
        label="Password"
        description="8 to 128 characters"
        autoComplete="new-password"
        required
        withAsterisk={false}
        minLength={8}
        maxLength={128}
        value={account.password}
        onChange={set("password")}
        error={faultOf("password")}
      />
      <Button type="submit" size="md" loading={made.isPending}>
        Make an account
      </Button>
    </Card>
  );
}
