import { deriveKey } from "effect-sessions/core/digest"
import * as Http from "node:http"
import { assert, describe, onTestFinished, test } from "vitest"
import { accepts, connect, portOf } from "./process.js"
import { answers, makeClient, start } from "./programs.js"

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string }
}

interface Span {
  readonly name: string
  readonly kind: number
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: ReadonlyArray<Attribute>
}

interface Sum {
  readonly isMonotonic: boolean
  readonly dataPoints: ReadonlyArray<{ readonly asDouble?: number; readonly asInt?: number | string }>
}

interface Sent {
  readonly resourceSpans?: ReadonlyArray<{
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<Span> }>
  }>
  readonly resourceMetrics?: ReadonlyArray<{
    readonly scopeMetrics: ReadonlyArray<
      { readonly metrics: ReadonlyArray<{ readonly name: string; readonly sum?: Sum }> }
    >
  }>
}

const attributeOf = (span: Span, name: string): string | undefined =>
  span.attributes.find(({ key }) => key === name)?.value.stringValue

/** Takes what programs export over OTLP, as long as the test runs. */
const startCollector = async () => {
  const spans: Array<Span> = []
  /** Of our counters the latest values, where they only rise. */
  const counters = new Map<string, number>()
  const paths = new Set<string>()
  let received = ""
  let look = () => {}
  const take = (sent: Sent) => {
    for (const { scopeSpans } of sent.resourceSpans ?? []) spans.push(...scopeSpans.flatMap((scope) => scope.spans))
    for (const { metrics } of (sent.resourceMetrics ?? []).flatMap(({ scopeMetrics }) => scopeMetrics)) {
      for (const { name, sum } of metrics) {
        const [point] = sum?.dataPoints ?? []
        if (sum?.isMonotonic === true) counters.set(name, Number(point?.asDouble ?? point?.asInt))
      }
    }
  }
  const server = Http.createServer((request, response) => {
    let body = ""
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text
    })
    request.on("end", () => {
      paths.add(request.url ?? "")
      received += `${request.rawHeaders.join("\n")}\n${body}\n`
      take(JSON.parse(body))
      response.end("{}")
      look()
    })
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    spans,
    counters,
    paths,
    received: () => received,
    /** Waits until what was expected has arrived. */
    until: (hasArrived: () => boolean): Promise<void> =>
      new Promise((resolve) => {
        look = () => hasArrived() && resolve()
        look()
      })
  }
}

/** The kind of the span of a request. */
const server = 2

/** The requests that arrived, each with what was done for it. */
const requestsIn = (spans: ReadonlyArray<Span>): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(
    spans.filter(({ kind }) => kind === server).map((request) => [
      `${attributeOf(request, "http.request.method")} ${attributeOf(request, "url.path")}`,
      spans.filter(({ parentSpanId }) => parentSpanId === request.spanId).map(({ name }) => name)
    ])
  )

const user = "SENTINEL-user"
const item = "SENTINEL-item"

const always = { OTEL_BSP_SCHEDULE_DELAY: "50", OTEL_METRIC_EXPORT_INTERVAL: "50" }
const atTheEndAlone = { OTEL_BSP_SCHEDULE_DELAY: "3600000", OTEL_METRIC_EXPORT_INTERVAL: "3600000" }

describe("The example with OpenTelemetry", () => {
  test("sends what it does in each request and what it counts, and nothing that opens a session or stands in it", async () => {
    const collector = await startCollector()
    const program = start("telemetry/main.ts", { ...always, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    const browser = makeClient(await program.address)
    const given = [
      await browser.post("/cart", { item }),
      await browser.post("/sign-in", { user }),
      await browser.get("/")
    ]
    answers(given[2] ?? assert.fail(), { cart: [item] })
    await browser.post("/sign-out")

    await collector.until(() => Object.keys(requestsIn(collector.spans)).length === 4)
    assert.deepStrictEqual(requestsIn(collector.spans), {
      "POST /cart": ["Sessions.read", "Sessions.commit"],
      "POST /sign-in": ["Sessions.read", "Sessions.commit"],
      "GET /": ["Sessions.read"],
      "POST /sign-out": ["Sessions.destroy"]
    })
    await collector.until(() => collector.counters.get("effect_sessions_destroyed") === 1)
    assert.strictEqual(collector.counters.get("effect_sessions_created"), 1)
    assert.strictEqual(collector.counters.get("effect_sessions_rotated"), 1)
    assert.strictEqual(collector.counters.get("effect_sessions_read"), 2)

    program.stop()
    await program.ended
    assert.deepStrictEqual([...collector.paths].sort(), ["/v1/logs", "/v1/metrics", "/v1/traces"])
    const ids = given.flatMap(({ setCookies }) => setCookies)
      .map((cookie) => /^[^=]+=([\w-]{22})/.exec(cookie)?.[1] ?? assert.fail(cookie))
    assert.lengthOf(new Set(ids), 2)
    const received = collector.received()
    for (const secret of [...ids, ...ids.map((id) => deriveKey("AppSession", id)), user, item]) {
      assert.notInclude(received, secret)
    }
  })

  test("sends the rest when it is stopped, the request under way included", async () => {
    const collector = await startCollector()
    const program = start("telemetry/main.ts", { ...atTheEndAlone, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url })
    const port = portOf(await program.address)
    const body = JSON.stringify({ user })
    const socket = connect(port)
    socket.send(
      `POST /sign-in HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`
    )
    await socket.until(/^HTTP\/1\.1 100 /)
    program.stop()
    while (await accepts(port));
    assert.deepStrictEqual(collector.spans, [])
    socket.send(body)
    await socket.until(/\nHTTP\/1\.1 204 /)

    assert.isNotNull((await program.ended).code)
    assert.deepStrictEqual(requestsIn(collector.spans), { "POST /sign-in": ["Sessions.read", "Sessions.commit"] })
    assert.strictEqual(collector.counters.get("effect_sessions_created"), 1)
  })
})
