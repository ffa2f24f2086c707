import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as FileSystem from "node:fs/promises"
import * as Path from "node:path"
import { inject } from "vitest"
import { binaryMissing, startServer, startServerWithTls } from "../redis/support/servers.js"
import { adminOf, tell } from "../redis/support/stores.js"
import { addressOf, makeClient, run } from "./process.js"
import { serve } from "./serve.js"

/** How many sessions Redis has of the app: its records are at keys with this beginning. */
const recordsAt = (url: string) =>
  Effect.flatMap(
    adminOf(url),
    (admin) => Effect.map(tell(admin, "KEYS", "effect_sessions:r:*"), (keys) => Array.isArray(keys) ? keys.length : -1)
  )

describe.skipIf(binaryMissing() !== undefined)("sessions in Redis", () => {
  scopedLive("they alone are there, and two processes share them", () =>
    Effect.gen(function*() {
      const { url } = yield* startServer()
      const here = yield* serve({ SESSIONS_URL: url })
      const there = yield* serve({ SESSIONS_URL: url })
      const elsewhere = yield* serve()
      const client = makeClient(here)
      yield* Effect.promise(async () => {
        await client.send("/api/sign-in", { username: "ann" })
        await client.send("/api/notes", { text: "kept" })
        const answers = await Promise.all(
          [here, there, elsewhere].map((address) => makeClient(address, client.cookie).send("/api/session"))
        )
        assert.deepStrictEqual(answers.map(({ body }) => [body.user, body.notes]), [
          ["ann", ["kept"]],
          ["ann", ["kept"]],
          [null, []]
        ])
      })
      assert.strictEqual(yield* recordsAt(url), 1)
      yield* Effect.promise(() => client.send("/api/sign-out", {}))
      assert.strictEqual(yield* recordsAt(url), 0)
    }))

  scopedLive(
    "a process finds them when it has started again, and says where they are, without the password",
    () =>
      Effect.gen(function*() {
        const { url } = yield* startServer(["--requirepass", "a-secret"])
        const settings = { SESSIONS_URL: url.replace("//", "//:a-secret@") }
        yield* Effect.promise(async () => {
          const first = run(settings)
          assert.match(await first.started, /sessions in redis, activity in memory/)
          const client = makeClient(await addressOf(first))
          await client.send("/api/notes", { text: "kept" })
          first.stop()
          const { code, out, problems } = await first.ended
          assert.deepStrictEqual([code, problems], [0, ""])
          assert.notInclude(out, "a-secret")
          const returning = makeClient(await addressOf(run(settings)), client.cookie)
          assert.deepStrictEqual((await returning.send("/api/session")).body.notes, ["kept"])
          const refused = await run({ SESSIONS_URL: url.replace("//", "//:another-secret@") }).ended
          assert.deepStrictEqual([refused.code, refused.out], [1, ""])
          assert.match(refused.problems, /^Notes server: [^\n]*SESSIONS_URL[^\n]*\n$/)
          assert.notInclude(refused.problems, "another-secret")
        })
      })
  )
})

const hasOpenssl = ChildProcess.spawnSync("openssl", ["version"]).status === 0

/** A certificate for this machine, which signs itself. */
const makeCertificate = Effect.promise(async () => {
  const folder = await FileSystem.mkdtemp(Path.join(inject("directory"), "certificate-"))
  const certificate = { cert: Path.join(folder, "cert.pem"), key: Path.join(folder, "key.pem") }
  const { status, stderr } = ChildProcess.spawnSync("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"],
    ...["-addext", "subjectAltName=IP:127.0.0.1", "-out", certificate.cert, "-keyout", certificate.key]
  ])
  assert.strictEqual(status, 0, stderr.toString())
  return certificate
})

describe.skipIf(binaryMissing() !== undefined || !hasOpenssl)("sessions in Redis over TLS, with openssl", () => {
  scopedLive("rediss:// is believed only with a certificate that somebody vouches for", () =>
    Effect.gen(function*() {
      const certificate = yield* makeCertificate
      const { url } = yield* startServerWithTls(certificate)
      yield* Effect.promise(async () => {
        const client = makeClient(
          await addressOf(run({ SESSIONS_URL: url, NODE_EXTRA_CA_CERTS: certificate.cert }))
        )
        await client.send("/api/notes", { text: "kept" })
        assert.deepStrictEqual((await client.send("/api/session")).body.notes, ["kept"])
        const refused = await run({ SESSIONS_URL: url }).ended
        assert.deepStrictEqual([refused.code, refused.out], [1, ""])
        assert.match(refused.problems, /^Notes server: [^\n]*SESSIONS_URL[^\n]*DEPTH_ZERO_SELF_SIGNED_CERT/)
      })
    }))
})
