import { assert, describe, scopedLive } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ChildProcess from "node:child_process"
import * as FileSystem from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { now, sample, unavailable } from "../sql/support/stores.js"
import { freePort } from "../support/ports.js"
import { binaryMissing, startServer } from "./support/servers.js"
import { storeOn } from "./support/stores.js"

const hasOpenssl = ChildProcess.spawnSync("openssl", ["version"]).status === 0

/** A certificate for `localhost`, signed by itself. */
const certificate = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => FileSystem.mkdtempSync(Path.join(Os.tmpdir(), "effect-sessions-tls-"))),
    (folder) => Effect.sync(() => FileSystem.rmSync(folder, { recursive: true, force: true }))
  ),
  (folder) => {
    const [key, cert] = [Path.join(folder, "key.pem"), Path.join(folder, "cert.pem")]
    const made = ChildProcess.spawnSync("openssl", [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", cert],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    ])
    assert.strictEqual(made.status, 0, String(made.stderr))
    return { key, cert }
  }
)

describe.skipIf(binaryMissing() !== undefined || !hasOpenssl)("Redis with TLS (needs openssl)", () => {
  scopedLive(
    "is used when its certificate is known, and refused by a typed error when not",
    () =>
      Effect.gen(function*() {
        const { cert, key } = yield* certificate
        const port = yield* Effect.promise(freePort)
        yield* startServer([
          ...["--tls-port", `${port}`, "--tls-cert-file", cert, "--tls-key-file", key],
          ...["--tls-ca-cert-file", cert, "--tls-auth-clients", "no"]
        ])
        const url = `rediss://localhost:${port}`
        const store = yield* storeOn({ url, redis: { tls: { ca: FileSystem.readFileSync(cert) } } })
        yield* store.insert({ record: sample() })
        assert.isTrue(Option.isSome(yield* store.read("key", now)))
        const stranger = yield* storeOn({ url })
        yield* unavailable(stranger.read("key", now), "read", /^not connected Error (DEPTH_ZERO_)?SELF_SIGNED_CERT/)
        yield* unavailable(stranger.insert({ record: sample({ key: "other" }) }), "insert", /SELF_SIGNED_CERT/)
        const plain = yield* storeOn({ url: `redis://localhost:${port}`, timeout: "1 second" })
        yield* unavailable(plain.read("key", now), "read", /./)
      })
  )
})
