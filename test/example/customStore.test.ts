import { describe, scoped } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { App } from "../../examples/custom-store/app.js"
import { answers, makeClient, serveHere } from "./programs.js"

describe("the example of a store", () => {
  scoped(
    "counts the visits of each browser",
    () =>
      Effect.flatMap(serveHere(App), (address) =>
        Effect.promise(async () => {
          const browser = makeClient(address)
          answers(await browser.get("/"), { visits: 1 })
          answers(await browser.get("/"), { visits: 2 })
          answers(await makeClient(address).get("/"), { visits: 1 })
        }))
  )
})
