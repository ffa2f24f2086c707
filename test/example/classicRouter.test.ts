import { describe, scoped } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { App } from "../../examples/classic-router/app.js"
import { answers, makeClient, serveHere } from "./programs.js"

describe("the classic router", () => {
  scoped(
    "counts the visits of a browser",
    () =>
      Effect.flatMap(serveHere(App), (address) =>
        Effect.promise(async () => {
          const browser = makeClient(address)
          answers(await browser.get("/"), { visits: 1 })
          answers(await browser.get("/"), { visits: 2 })
        }))
  )
})
