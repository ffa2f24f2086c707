import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Main } from "../../examples/notes-server/app.js"

/** The notes server in this process, as long as the scope is open; tells its address. */
export const serve = (settings: Readonly<Record<string, string>> = {}) =>
  Effect.gen(function*() {
    const address = yield* Deferred.make<string>()
    const console = yield* Effect.console
    yield* Layer.build(Main).pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(
        new Map(Object.entries({
          PORT: "0",
          DATABASE_URL: "memory:",
          SESSION_INSECURE: "true",
          STOP_WITHIN: "1 second",
          ...settings
        }))
      )),
      Effect.withConsole({
        ...console,
        log: (text) => Deferred.succeed(address, /http:\/\/localhost:\d+/.exec(String(text))?.[0] ?? "")
      })
    )
    return yield* Deferred.await(address)
  })
