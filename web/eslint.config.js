import js from "@eslint/js";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "src/api"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  { plugins: { "react-hooks": reactHooks }, rules: reactHooks.configs["recommended-latest"]?.rules ?? {} },
  // Advice for the React compiler, which is not used here.
  { rules: { "react-hooks/incompatible-library": "off" } },
);
