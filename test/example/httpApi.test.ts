import { assert, describe, scoped } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { App } from "../../examples/http-api/app.js"
import { answers, makeClient, serveHere } from "./programs.js"

const ann = { name: "ann", password: "correct horse" }

describe("the HttpApi example", () => {
  scoped(
    "signs in, lists the devices, and signs one of them out",
    () =>
      Effect.flatMap(serveHere(App), (address) =>
        Effect.promise(async () => {
          const laptop = makeClient(address)
          const phone = makeClient(address)
          assert.strictEqual((await laptop.get("/me")).status, 401)
          assert.strictEqual(
            (await laptop.post("/sign-in", { ...ann, password: "wrong", device: "laptop" })).status,
            422
          )
          assert.strictEqual((await laptop.get("/me")).status, 401)
          await laptop.post("/sign-in", { ...ann, device: "laptop" })
          await phone.post("/sign-in", { ...ann, device: "phone" })
          answers(await laptop.get("/me"), "ann")

          const { body } = await laptop.get("/devices")
          assert.isArray(body)
          const devices = Array.isArray(body) ? body : []
          assert.deepStrictEqual(
            devices.map(({ current, device }) => `${device} ${current}`).sort(),
            ["laptop true", "phone false"]
          )
          const { handle } = devices.find(({ device }) => device === "phone")
          answers(await laptop.post(`/devices/${handle}/sign-out`), true)
          assert.strictEqual((await phone.get("/me")).status, 401)
          answers(await laptop.get("/me"), "ann")

          await laptop.post("/sign-out")
          assert.strictEqual((await laptop.get("/me")).status, 401)
        }))
  )

  scoped(
    "says in OpenAPI what is asked for",
    () =>
      Effect.flatMap(serveHere(App), (address) =>
        Effect.promise(async () => {
          const text = JSON.stringify((await makeClient(address).get("/openapi.json")).body)
          assert.include(text, "\"in\":\"cookie\"")
          assert.include(text, "SessionUnauthenticated")
        }))
  )
})
