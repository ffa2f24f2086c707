/** Prints the URL of a database for tests on a MySQL or MariaDB of this machine, or exits with 1. */
import mysql from "mysql2/promise"

try {
  const connection = await mysql.createConnection({ host: "127.0.0.1", user: "root", connectTimeout: 2000 })
  // Tables of an earlier version of this work would be taken for migrated.
  await connection.query("DROP DATABASE IF EXISTS effect_sessions_test")
  await connection.query("CREATE DATABASE effect_sessions_test")
  await connection.end()
  console.log("mysql://root@127.0.0.1:3306/effect_sessions_test")
} catch {
  process.exit(1)
}
