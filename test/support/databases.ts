import * as FileSystem from "node:fs/promises"
import type { TestProject } from "vitest/node"
import { makeFolder, makePostgres } from "./postgres.js"

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

/** Starts what the tests need. What cannot start is said at the end, by the tests that were skipped. */
export default async (project: TestProject) => {
  const directory = await makeFolder()
  project.provide("directory", directory)

  let stop = () => Promise.resolve()
  const given = process.env["TEST_POSTGRES_URL"]
  if (given !== undefined && given !== "") {
    project.provide("postgres", { url: given })
  } else {
    try {
      const server = await makePostgres({
        folder: directory,
        name: "postgres",
        settings: ["fsync=off", "max_connections=200", "shared_preload_libraries=pg_stat_statements"]
      })
      await server.start()
      stop = server.stop
      project.provide("postgres", { url: server.url })
    } catch (error) {
      project.provide("postgres", {
        missing: `the embedded PostgreSQL did not start (${String(error)}); TEST_POSTGRES_URL can name another`
      })
    }
  }
  const mysql = process.env["TEST_MYSQL_URL"]
  project.provide("mysql", mysql ? { url: mysql } : { missing: "TEST_MYSQL_URL names no MySQL or MariaDB server" })

  return async () => {
    await stop()
    await FileSystem.rm(directory, { recursive: true, force: true })
  }
}
