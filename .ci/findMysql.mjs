/** Prints the URL of a database for tests on a MySQL or MariaDB of this machine, or exits with 1. */
import mysql from "mysql2/promise"

try {
  const connection = await mysql.createConnection({ host: "127.0.0.1", user: "root", connectTimeout: 2000 })
  await connection.query("CREATE DATABASE IF NOT EXISTS effect_sessions_test")
  await connection.end()
  console.log("mysql://root@127.0.0.1:3306/effect_sessions_test")
} catch {
  process.exit(1)
}
