/** What a store tells of what some node has ended: a hint, for what the records say decides. */
export type Signal =
  /** From now on everything is told. */
  | { readonly _tag: "Listening" }
  /** The session of a handle has ended. `here` says whether this very store ended it. */
  | { readonly _tag: "Ended"; readonly here: boolean; readonly name: string; readonly handle: string }
  /** Every session of a declaration has ended, or every session of the store if none is named. */
  | { readonly _tag: "Cleared"; readonly here: boolean; readonly name: string | undefined }

/** What comes before the handle, a space and the name of the declaration of a session that a node ends. */
export const endedBy = (node: string): string => `ended ${node} `

/** The text that tells of the end of all sessions. */
export const clearedBy = (node: string, name: string | undefined): string =>
  `cleared ${node}${name === undefined ? "" : ` ${name}`}`

/** What a node sends to itself, to see whether it hears. */
export const greetingOf = (node: string): string => `hello ${node}`

/** Reads a text for a node. None if it is not for us: what others greet themselves with, and what we did not write. */
export const decode = (node: string, text: string): Signal | undefined => {
  const [, kind, sender, rest] = /^(\S+) (\S+)(?: (.*))?$/s.exec(text) ?? []
  const here = sender === node
  switch (kind) {
    case "hello":
      return here ? { _tag: "Listening" } : undefined
    case "cleared":
      return { _tag: "Cleared", here, name: rest }
    case "ended": {
      const [, handle, name] = /^(\S+) (.*)/s.exec(rest ?? "") ?? []
      return handle === undefined || name === undefined ? undefined : { _tag: "Ended", here, name, handle }
    }
    default:
      return undefined
  }
}
