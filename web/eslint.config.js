import js from "@eslint/js";
import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "src/api"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  jsxA11y.flatConfigs.strict,
  {
    plugins: { "react-hooks": reactHooks },
    rules: reactHooks.configs["recommended-latest"]?.rules ?? {},
  },
  // A page with one field, a dialog and a composer are opened to type in.
  { rules: { "jsx-a11y/no-autofocus": "off" } },
  {
    files: ["src/**/*.tsx"],
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXText[value=/\\p{Ll}{2}/u]",
          message: "What people read stands in the catalogue (languages/).",
        },
        {
          selector:
            "JSXAttribute[name.name=/^(alt|aria-label|description|label|title)$/] > Literal[value=/\\p{Ll}{2}/u]",
          message: "What people read stands in the catalogue (languages/).",
        },
        {
          selector: "JSXAttribute[name.name='style']",
          message:
            "A look stands in a CSS module or a style prop; here only sizes that are calculated.",
        },
      ],
    },
  },
  // Advice for the React compiler, which is not used here.
  { rules: { "react-hooks/incompatible-library": "off" } },
);
