import { assert, describe, scoped } from "@effect/vitest"
import { SessionCsrf, type SessionMiddleware } from "effect-sessions"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { execFile } from "node:child_process"
import * as FileSystem from "node:fs"
import * as OperatingSystem from "node:os"
import * as Path from "node:path"
import { promisify } from "node:util"
import { test } from "vitest"
import { Browser } from "../support/app.js"
import type { Example, Kind } from "../support/examples.js"
import { postgresMissing, postgresUrl } from "../support/postgresClient.js"
import { makeNode } from "./support/node.js"

const root = Path.resolve(import.meta.dirname, "../..")

/** The compiler, which says what can be done with each export, has a process of its own. */
const examples: ReadonlyArray<Example> = await (async () => {
  const folder = FileSystem.mkdtempSync(Path.join(OperatingSystem.tmpdir(), "effect-sessions-examples-"))
  const file = Path.join(folder, "examples.json")
  try {
    await promisify(execFile)(process.execPath, ["--import", "tsx", "test/support/checkExamples.ts", file], {
      cwd: root
    })
    return JSON.parse(FileSystem.readFileSync(file, "utf8"))
  } finally {
    FileSystem.rmSync(folder, { recursive: true })
  }
})()

/** Those of the doc comments; the README and the pages have tests of their own. */
const documented = examples.filter(({ name }) => name.startsWith("src/"))

/** Where their imports are found. */
const folder = Path.join(root, ".build/examples")
FileSystem.rmSync(folder, { recursive: true, force: true })
FileSystem.mkdirSync(folder, { recursive: true })

const settings = {
  APP_ORIGINS: "https://example.com",
  DATABASE_URL: postgresUrl(),
  REDIS_URL: "redis://localhost:1",
  SESSION_SECRETS: Buffer.from(Array.from({ length: 32 }, (_, index) => (index * 37 + 5) % 256)).toString("base64"),
  TRUSTED_PROXIES: "10.0.0.0/8,fd00::/8"
}

const SettingsLive = Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(settings))))

const isLayer = (value: unknown): value is Layer.Layer<never, unknown> => Layer.isLayer(value)

const isEffect = (value: unknown): value is Effect.Effect<unknown, unknown, Scope.Scope> => Effect.isEffect(value)

type Declared = SessionMiddleware.Declared<"AppSession", object, string>

const isDeclared = (value: unknown): value is Declared => Predicate.hasProperty(value, "sessionName")

const isHandler = (
  value: unknown
): value is Effect.Effect<unknown, unknown, "AppSession" | SessionCsrf.SessionCsrf> => Effect.isEffect(value)

/** In a request of somebody who has just signed in. What fails, or answers with a failure, is thrown. */
const inRequest = (declared: unknown, handler: unknown) =>
  Effect.gen(function*() {
    assert(isDeclared(declared) && isHandler(handler))
    const { visit } = yield* makeNode(declared)
    const browser = new Browser()
    yield* visit(browser, Effect.flatMap(declared, (session) => session.signIn("ann")))
    const handled = Effect.provide(handler, SessionCsrf.layer())
    const { body, status } = yield* visit(browser, handled)
    assert.isBelow(status, 400, JSON.stringify(body))
  })

const run = (kind: Kind, module: Readonly<Record<string, unknown>>, value: unknown) => {
  switch (kind) {
    case "layer":
      assert(isLayer(value))
      return Layer.build(value)
    case "effect":
      assert(isEffect(value))
      return value
    case "handler":
      return inRequest(module["AppSession"], value)
    case "value":
      return Effect.void
  }
}

for (const [index, { exports, name, text }] of documented.entries()) {
  const file = Path.join(folder, `${index}.ts`)
  FileSystem.writeFileSync(file, text)
  const missing = text.includes("DATABASE_URL") ? postgresMissing() : undefined
  describe(`The example ${name}`, async () => {
    const module: Readonly<Record<string, unknown>> = await import(/* @vite-ignore */ file)
    const programs = Object.entries(exports).filter(([, kind]) => kind !== "value")

    // The tests that it declares are among ours by now.
    test("is evaluated", () => assert.sameMembers(Object.keys(module), Object.keys(exports)))

    for (const [exported, kind] of programs) {
      const title = kind === "layer" ? "is built" : kind === "effect" ? "is run" : "is run in a request"
      scoped.skipIf(missing !== undefined)(
        `${exported} ${title}${missing === undefined ? "" : `: ${missing}`}`,
        () => Effect.provide(run(kind, module, module[exported]), SettingsLive)
      )
    }
  })
}
