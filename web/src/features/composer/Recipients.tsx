import { TagsInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../../client";
import { looksRight, toChip } from "./recipients";

export function Recipients({ label, value, change, error, autoFocus }: { label: string; value: string[]; change: (chips: string[]) => void; error?: string; autoFocus?: boolean }) {
  const [text, setText] = useState("");
  const [words] = useDebouncedValue(text, 120);
  const found = useQuery({
    queryKey: ["suggestions", words],
    enabled: words.trim().length >= 2,
    placeholderData: keepPreviousData,
    queryFn: () => unwrap(api.GET("/api/v1/suggestions", { params: { query: { text: words.trim() } } })),
  });
  const wrong = value.find((chip) => !looksRight(chip));
  return (
    <TagsInput
      className="recipients"
      aria-label={label}
      leftSection={<span>{label}</span>}
      leftSectionWidth={46}
      variant="unstyled"
      value={value}
      onChange={change}
      searchValue={text}
      onSearchChange={setText}
      data={text.trim().length >= 2 ? (found.data ?? []).map(toChip).filter((chip) => !value.includes(chip)) : []}
      filter={({ options }) => options}
      splitChars={[",", ";"]}
      acceptValueOnBlur
      data-autofocus={autoFocus || undefined}
      error={error ?? (wrong && `${wrong} is not an email address.`)}
    />
  );
}
