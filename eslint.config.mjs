import * as effect from "@effect/eslint-plugin"
import tseslint from "typescript-eslint"

/** The formatter of the Effect repositories, run as a lint rule: `npm run fix` applies it. */
const format = {
  plugins: { "@effect": { rules: effect.rules ?? effect.default.rules } },
  rules: {
    "@effect/dprint": ["error", {
      config: {
        indentWidth: 2,
        lineWidth: 120,
        semiColons: "asi",
        quoteStyle: "alwaysDouble",
        trailingCommas: "never",
        operatorPosition: "maintain",
        "arrowFunction.useParentheses": "force"
      }
    }]
  }
}

const never = (selector, message) => ({ selector, message })

/** The direction of imports, as far as one file shows it; `test/package/imports.test.ts` knows the rest. */
const imports = (files, regex, message) => ({
  files: [files].flat(),
  rules: { "no-restricted-imports": ["error", { patterns: [{ regex, message }] }] }
})

export default tseslint.config(
  { ignores: ["dist", "**/node_modules", "**/.build", "coverage", "effect4/generated", "effect4/dist"] },
  ...tseslint.configs.recommended,
  {
    files: ["**/*.ts"],
    ...format
  },
  {
    files: ["**/*.ts"],
    rules: {
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-empty-object-type": "off",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/array-type": ["error", { default: "generic" }],
      "object-shorthand": "error",
      "prefer-const": "error"
    }
  },
  {
    files: ["src/**/*.ts"],
    rules: {
      "no-restricted-syntax": [
        "error",
        never("MemberExpression[object.name='Date'][property.name='now']", "Time is a service: use Effect's Clock."),
        never("NewExpression[callee.name='Date'][arguments.length=0]", "Time is a service: use Effect's Clock."),
        never("ThrowStatement", "Fail with a typed error."),
        never("MemberExpression[object.name='Effect'][property.name=/^run/]", "A library does not run effects."),
        never("MemberExpression[object.name='Effect'][property.name=/^forkDaemon$/]", "Nothing floats: fork into a scope.")
      ]
    }
  },
  imports("src/core/*.ts", "^(?!\\./\\w+\\.js$|node:crypto$)", "The core is plain TypeScript."),
  imports(
    "src/internal/*.ts",
    "^\\.\\./(?!core/|Session(?:Error|Events|Metrics|Store|Token|Timeouts|Cookie)\\.js$)",
    "The shell stands below Session, Sessions and what is made of them."
  ),
  imports("src/internal/sharedTimeout.ts", "^\\.", "A leaf: stores and the shell need it."),
  imports(["src/Session.ts", "src/Sessions.ts"], "^\\./(?:Session(?:Middleware|Cleaner|Csrf|Flash|Guard)|index)\\.js$", "Imports go downwards.")
)
