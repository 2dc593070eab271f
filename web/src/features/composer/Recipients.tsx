import { Button, TagsInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, unwrap } from "../../client";
import { texts } from "../../texts";
import { looksRight, toChip } from "./recipients";

/** More than this would push the text away. */
const MOST_SHOWN = 12;
const SHOWN_FOLDED = 3;

type Props = {
  label: string;
  value: string[];
  change: (chips: string[]) => void;
  error?: string;
  autoFocus?: boolean;
  readOnly?: boolean;
};

export function Recipients(props: Props) {
  const [isUnfolded, setUnfolded] = useState(false);
  const hidden = props.value.length - SHOWN_FOLDED;
  if (props.value.length <= MOST_SHOWN || isUnfolded) return <Field {...props} />;
  return (
    <div className="recipients folded" role="group" aria-label={props.label}>
      <span className="name">{props.label}</span>
      <span className="value">{props.value.slice(0, SHOWN_FOLDED).join(", ")}</span>
      <Button variant="subtle" size="compact-sm" onClick={() => setUnfolded(true)}>
        {texts.andMore({ count: hidden })}
      </Button>
    </div>
  );
}

function Field({ label, value, change, error, autoFocus, readOnly }: Props) {
  const [text, setText] = useState("");
  const [words] = useDebouncedValue(text, 120);
  const found = useQuery({
    queryKey: ["suggestions", words],
    enabled: words.trim().length >= 2,
    placeholderData: keepPreviousData,
    queryFn: () =>
      unwrap(api.GET("/api/v1/suggestions", { params: { query: { text: words.trim() } } })),
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
      data={
        text.trim().length >= 2
          ? (found.data ?? []).map(toChip).filter((chip) => !value.includes(chip))
          : []
      }
      filter={({ options }) => options}
      splitChars={[",", ";"]}
      acceptValueOnBlur
      autoFocus={autoFocus}
      readOnly={readOnly}
      error={error ?? (wrong && texts.notAnAddress({ typed: wrong }))}
    />
  );
}
