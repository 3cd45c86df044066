// Rules that need types find what the compiler lets pass: promises that nobody waits for, and `any`.
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  { ignores: ["dist/", "node_modules/", "admin/", "eslint.config.js"] },
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { project: "./tsconfig.json" } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", destructuredArrayIgnorePattern: "^_" },
      ],
      // A program without extension points has none to list.
      "@typescript-eslint/no-empty-object-type": ["error", { allowInterfaces: "always" }],
      // What a capability or a handler does may need no waiting, and is awaited all the same.
      "@typescript-eslint/require-await": "off",
      // `== null` asks for both kinds of nothing.
      eqeqeq: ["error", "always", { null: "ignore" }],
    },
  },
  {
    // `test` of node:test gives a promise that the runner waits for.
    files: ["tests/**/*.ts"],
    rules: { "@typescript-eslint/no-floating-promises": "off" },
  },
);
