/** What the model knows of a stored session. `generation` counts the ids it has had: 0 is the one the visitor sent. */
export interface ModelRow {
  readonly count: number
  readonly user: string | null
  readonly generation: number
  readonly createdAt: number
  readonly lastSeenAt: number
}

export type HandleOperation =
  | { readonly _tag: "get" | "update" | "modify" | "signOut" | "destroy" | "rotate" | "touch" | "commit" }
  | { readonly _tag: "set"; readonly count: number }
  | { readonly _tag: "signIn"; readonly user: string; readonly carry: boolean }

/** What somebody sees of the session in the middle of a request, and what is left of it at the end. */
export interface ModelResult {
  readonly seen: ReadonlyArray<readonly [count: number, user: string | null]>
  readonly row: ModelRow | undefined
  readonly cookie: "set" | "cleared" | "untouched"
}

interface Staged {
  readonly count: number
  readonly isChanged: boolean
  readonly user: string | null
  readonly signsIn: boolean
  readonly rotates: boolean
}

/** The design in small: what a request leaves behind, from what it found, what it did and how it ended. */
export const runModel = (
  found: ModelRow | undefined,
  sentCookie: boolean,
  operations: ReadonlyArray<HandleOperation>,
  isDiscarded: boolean,
  now: number
): ModelResult => {
  let row = found
  let ids = 0
  let ended = false
  let isActive = false
  const nothingStaged = (): Staged => ({
    count: row?.count ?? 0,
    isChanged: false,
    user: row?.user ?? null,
    signsIn: false,
    rotates: false
  })
  let staged = nothingStaged()
  const seen: Array<readonly [number, string | null]> = []

  const write = (): void => {
    const { count, isChanged, rotates, signsIn, user } = staged
    const isNew = row === undefined && (isChanged || signsIn)
    if (row !== undefined || isNew) {
      row = {
        count,
        user,
        generation: isNew || rotates || signsIn ? ++ids : row?.generation ?? 0,
        createdAt: isNew || signsIn ? now : row?.createdAt ?? now,
        lastSeenAt: isActive || isNew ? now : row?.lastSeenAt ?? now
      }
    }
    staged = nothingStaged()
  }

  for (const operation of operations) {
    isActive ||= operation._tag !== "signOut" && operation._tag !== "destroy"
    switch (operation._tag) {
      case "set":
        staged = { ...staged, count: operation.count, isChanged: true }
        break
      case "update":
      case "modify":
        staged = { ...staged, count: staged.count + 1, isChanged: true }
        break
      case "signIn":
        staged = { ...staged, count: operation.carry ? staged.count : 0, user: operation.user, signsIn: true }
        break
      case "rotate":
        staged = { ...staged, rotates: row !== undefined }
        break
      case "commit":
        write()
        break
      case "signOut":
      case "destroy":
        row = undefined
        ended = true
        staged = nothingStaged()
    }
    seen.push([staged.count, staged.user])
  }
  if (!isDiscarded) write()
  const cookie = row !== undefined && row.generation > 0
    ? "set"
    : row === undefined && ended && sentCookie
    ? "cleared"
    : "untouched"
  return { seen, row, cookie }
}
