import { assert, describe, test } from "vitest"
import { handler } from "../../examples/web-handler/handler.js"

describe("the web handler", () => {
  test("counts the visits of a browser", async () => {
    const first = await handler(new Request("http://localhost/"))
    assert.deepStrictEqual(await first.json(), { visits: 1 })
    const cookie = first.headers.getSetCookie()[0]?.split(";")[0] ?? ""
    const second = await handler(new Request("http://localhost/", { headers: { cookie } }))
    assert.deepStrictEqual(await second.json(), { visits: 2 })
  })
})
