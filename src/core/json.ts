/** Deeper data is neither written nor read: it would overflow the stack of whoever walks it. */
export const maxDepth = 256

/**
 * The longest data that can be declared, in bytes, and the longest text that is read: what was written under a larger
 * limit, before a deploy, stays readable. As much as MySQL keeps in a column.
 */
export const maxLength = 16 * 1024 * 1024

export type Text =
  | { readonly _tag: "Text"; readonly text: string; readonly droppedUndefined: boolean }
  /** `path` leads to what is not JSON. */
  | { readonly _tag: "NotJson"; readonly path: string }
  | { readonly _tag: "TooLarge"; readonly bytes: number }

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Where something is in data: `cart[0].price`. */
export const pathOf = (steps: ReadonlyArray<PropertyKey>): string =>
  steps.map((step, index) => typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${String(step)}`).join(
    ""
  )

interface Kind {
  /** Undefined properties, which JSON leaves out. */
  readonly hasUndefined: boolean
  /** To what is not JSON. */
  readonly notJson: ReadonlyArray<PropertyKey> | undefined
}

const json: Kind = { hasUndefined: false, notJson: undefined }
const notJson: Kind = { hasUndefined: false, notJson: [] }

const kindOf = (value: unknown, depth: number): Kind => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return json
    case "number":
      return Number.isFinite(value) ? json : notJson
    case "object": {
      if (value === null) return json
      const isArray = Array.isArray(value)
      if (depth >= maxDepth || (!isArray && !isPlain(value))) return notJson
      if ("toJSON" in value && typeof value.toJSON === "function") return notJson
      let hasUndefined = false
      // JSON knows no symbols, and whoever reads a `__proto__` back may take it for the prototype.
      if (Object.getOwnPropertySymbols(value).length > 0 || Object.hasOwn(value, "__proto__")) return notJson
      for (const [step, member] of isArray ? value.entries() : Object.entries(value)) {
        if (member === undefined && !isArray) {
          hasUndefined = true
          continue
        }
        const kind = kindOf(member, depth + 1)
        if (kind.notJson !== undefined) return { hasUndefined, notJson: [step, ...kind.notJson] }
        hasUndefined ||= kind.hasUndefined
      }
      return { hasUndefined, notJson: undefined }
    }
    default:
      return notJson
  }
}

/**
 * Where a key `__proto__` is, in data that is still to be encoded, in its arrays and plain objects: whoever copies keys
 * loses it in silence.
 */
export const prototypeKey = (value: unknown): string | undefined => {
  const steps = stepsToPrototype(value, 0)
  return steps === undefined ? undefined : pathOf(steps)
}

const stepsToPrototype = (value: unknown, depth: number): ReadonlyArray<PropertyKey> | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  const isArray = Array.isArray(value)
  if (!isArray && !isPlain(value)) return undefined
  if (Object.hasOwn(value, "__proto__")) return ["__proto__"]
  // Too deep to be written, whatever it is.
  if (depth >= maxDepth) return []
  for (const [step, member] of isArray ? value.entries() : Object.entries(value)) {
    const steps = stepsToPrototype(member, depth + 1)
    if (steps !== undefined) return [step, ...steps]
  }
  return undefined
}

const byteLength = (text: string): number => Buffer.byteLength(text)

const textOf = (value: unknown, maxBytes: number, droppedUndefined: boolean): Text => {
  const text = JSON.stringify(value)
  if (text.length * 3 > maxBytes) {
    const bytes = byteLength(text)
    if (bytes > maxBytes) return { _tag: "TooLarge", bytes }
  }
  return { _tag: "Text", text, droppedUndefined }
}

/** JSON text of what is known to be JSON. */
export const stringifyUnchecked = (value: unknown, maxBytes: number): Text => textOf(value, maxBytes, false)

/**
 * JSON text of `value`, if it is JSON to begin with. What `JSON.stringify` would silently bend (dates, `NaN`, class
 * instances, functions) is refused, since it would come back as something else.
 */
export const stringify = (value: unknown, maxBytes: number): Text => {
  const { hasUndefined, notJson } = kindOf(value, 0)
  return notJson === undefined ? textOf(value, maxBytes, hasUndefined) : { _tag: "NotJson", path: pathOf(notJson) }
}

/** Whether the brackets of `text` nest too deep. Brackets inside strings do not count. */
const isTooDeep = (text: string): boolean => {
  // Text this short cannot nest deeper.
  if (text.length <= maxDepth) return false
  let depth = 0
  let inString = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (inString) {
      if (code === 0x5c) index++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > maxDepth) return true
    } else if (code === 0x5d || code === 0x7d) depth--
  }
  return false
}

/**
 * Text that may name a prototype, or hold a number too large for a JavaScript number. Everything else parses as it
 * stands.
 */
const isSuspicious = (text: string): boolean =>
  text.includes("__proto__") || text.includes("\\u00") || /[eE]\+?\d{3}/.test(text) || /\d{309}/.test(text)

/** As `parse`, for whoever looks at every part of the value: nothing is checked but the length, and nothing dropped. */
export const parseUnchecked = (text: string): unknown => parseWith(text, undefined)

const parseWith = (
  text: string,
  reviver: ((key: string, value: unknown) => unknown) | undefined
): unknown => {
  if (text.length > maxLength) return undefined
  try {
    return JSON.parse(text, reviver)
  } catch {
    return undefined
  }
}

/** Drops `__proto__` keys, and reports what became infinite. */
const parseSuspicious = (text: string): unknown => {
  let isFinite = true
  const value = parseWith(text, (key, value) => {
    if (value === Infinity || value === -Infinity) isFinite = false
    return key === "__proto__" ? undefined : value
  })
  return isFinite ? value : undefined
}

/**
 * The value of JSON text from a store, or `undefined` for text that is not JSON, too long, too deep, or holds a
 * number that becomes infinite, which could never be written back. A `__proto__` key is dropped: decoders that copy keys
 * would take it for the prototype.
 */
export const parse = (text: string): unknown => {
  // The length first, since the rest looks at every character.
  if (text.length > maxLength || isTooDeep(text)) return undefined
  return isSuspicious(text) ? parseSuspicious(text) : parseUnchecked(text)
}
