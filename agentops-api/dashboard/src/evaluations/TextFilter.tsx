import { TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import type { Search } from "../filters";
import { Glyph } from "../ui/icons";
import { alone, LATE, useKeys } from "./keys";

/** Whoever types on is not asked for by half a word. */
const PAUSE_MS = 700;

type Props = {
  name: "q" | "session";
  label: string;
  value: string | undefined;
  fault?: string | null;
  note?: string | null;
};

/** A filter that is typed: it holds from Enter on, when the field is left, and after a pause. */
export function TextFilter({ name, label, value, fault, note }: Props) {
  const navigate = useNavigate();
  const field = useRef<HTMLInputElement>(null);
  const pause = useRef<number>(undefined);
  const applied = useRef(value);
  /** Pauses in one go of typing are one step back. */
  const isTyping = useRef(false);
  // Cleared elsewhere, or another address: it stays the same field, which keeps its focus.
  useEffect(() => {
    if (field.current && value !== applied.current) field.current.value = value ?? "";
    applied.current = value;
  }, [value]);
  useEffect(() => () => clearTimeout(pause.current), []);
  const search = alone(() => {
    // Selecting alone does not focus in every browser.
    field.current?.focus();
    field.current?.select();
  });
  // With Shift on a German keyboard.
  useKeys(name === "q" ? ["/", "shift+/"].map((key) => [key, search, LATE]) : []);
  const apply = () => {
    clearTimeout(pause.current);
    const text = field.current?.value.trim() || undefined;
    if (text === applied.current) return;
    applied.current = text;
    const changed = (now: Search) => ({ ...now, [name]: text });
    void navigate({ to: ".", search: changed, resetScroll: false, replace: isTyping.current });
    isTyping.current = true;
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <TextInput
        ref={field}
        size="xs"
        w={name === "q" ? 220 : 150}
        name={name}
        aria-label={label}
        placeholder={label}
        maxLength={200}
        leftSection={name === "q" ? <Glyph name="search" size={14} /> : undefined}
        defaultValue={value}
        error={fault}
        description={note}
        inputWrapperOrder={["input", "description", "error"]}
        onChange={() => {
          clearTimeout(pause.current);
          pause.current = window.setTimeout(apply, PAUSE_MS);
        }}
        onBlur={() => {
          apply();
          isTyping.current = false;
        }}
      />
    </form>
  );
}
