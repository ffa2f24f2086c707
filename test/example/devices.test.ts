import { assert, describe, scoped } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { App } from "../../examples/account/app.js"
import { answers, makeClient, serveHere } from "./programs.js"

type Client = ReturnType<typeof makeClient>

const devicesOf = async (client: Client) => {
  const { body } = await client.get("/devices")
  assert.isArray(body)
  return Array.isArray(body) ? body : []
}

describe("the account page's example", () => {
  scoped(
    "lists the devices, says which is this one, and signs out one or all others",
    () =>
      Effect.flatMap(serveHere(App), (address) =>
        Effect.promise(async () => {
          const [laptop, phone, tablet] = [makeClient(address), makeClient(address), makeClient(address)]
          assert.strictEqual((await laptop.get("/devices")).status, 401)
          for (const client of [laptop, phone, tablet]) await client.post("/sign-in")
          const seen = await devicesOf(phone)
          assert.deepStrictEqual(seen.map(({ current }) => current).sort(), [false, false, true])
          assert.isTrue(seen.every(({ device }) => typeof device === "string" && device !== ""))

          const { handle } = seen.find(({ current }) => current)
          answers(await laptop.post(`/devices/${handle}/sign-out`), true)
          assert.strictEqual((await phone.get("/devices")).status, 401)

          answers(await laptop.post("/sign-out-others"), "1")
          assert.strictEqual((await tablet.get("/devices")).status, 401)
          assert.deepStrictEqual((await devicesOf(laptop)).map(({ current }) => current), [true])
        }))
  )
})
