import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"
import { assert, describe, test } from "vitest"
import { postgres, postgresMissing, postgresUrl } from "../support/clients.js"
import { answers, makeClient, start } from "./programs.js"

let databases = 0

/** The URL of a new database. */
const newDatabase = async (): Promise<string> => {
  const name = `example_sql_${process.pid}_${++databases}`
  await Effect.runPromise(Effect.provide(
    Effect.flatMap(SqlClient.SqlClient, (sql) => sql`CREATE DATABASE ${sql(name)}`),
    postgres()
  ))
  return Object.assign(new URL(postgresUrl()), { pathname: name }).href
}

describe.skipIf(postgresMissing() !== undefined)("PostgreSQL: the examples", () => {
  test("sessions survive a restart, on another node, and a job ends them", async () => {
    const DATABASE_URL = await newDatabase()
    const settings = {
      DATABASE_URL,
      SESSION_SECRETS: randomBytes(32).toString("base64"),
      SESSION_INSECURE: "true"
    }
    const first = start("sql/main.ts", settings)
    const browser = makeClient(await first.address)
    const { setCookies: [cookie = ""] } = await browser.get("/")
    answers(await browser.get("/"), { visits: 2 })
    first.stop()
    await first.ended

    const second = start("sql/main.ts", settings)
    const headers = { cookie: cookie.split(";")[0] ?? "" }
    const response = await fetch(`${await second.address}/`, { headers })
    assert.deepStrictEqual(await response.json(), { visits: 3 })

    const job = await start("jobs/main.ts", { DATABASE_URL }, ["ann"]).ended
    assert.strictEqual(job.code, 0)
    assert.match(job.said, /ann: 0 ended\n0 swept\n1 live, 0 of them signed in\n$/)
    second.stop()
    await second.ended
  })

  test("a role without the right to make tables runs what the migrations of another role have made", async () => {
    const DATABASE_URL = await newDatabase()
    const name = `example_role_${process.pid}`
    const owner = postgres({ url: Redacted.make(DATABASE_URL) })
    await Effect.runPromise(
      Effect.forEach(
        [
          `CREATE ROLE ${name} LOGIN PASSWORD 'secret'`,
          "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
          `ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${name}`
        ],
        (statement) => Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(statement))
      ).pipe(Effect.provide(owner))
    )
    const denied = Object.assign(new URL(DATABASE_URL), { username: name, password: "secret" }).href
    const before = await start("jobs/main.ts", { DATABASE_URL: denied }).ended
    assert.notStrictEqual(before.code, 0)

    const migrated = await start("operations/migrate.ts", { DATABASE_URL }).ended
    assert.strictEqual(migrated.code, 0, migrated.said)
    const job = await start("jobs/main.ts", { DATABASE_URL: denied }).ended
    assert.match(job.said, /0 swept\n0 live, 0 of them signed in\n$/)
  })

  test("do not start with a key that can be guessed", async () => {
    const { code, said } = await start("sql/main.ts", {
      DATABASE_URL: postgresUrl(),
      SESSION_SECRETS: "secret"
    }).ended
    assert.strictEqual(code, 1)
    assert.match(said, /SessionCookie\.signingKeys/)
    assert.notMatch(said, /postgres:\/\//)
  })
})
