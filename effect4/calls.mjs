/** Finds calls with their arguments, however they are nested. */

const closing = { "(": ")", "[": "]", "{": "}" }

/** Where a string, a template or a regular expression that begins here ends. */
const skipQuoted = (text, start) => {
  const quote = text[start]
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++
    else if (quote === "`" && text[at] === "$" && text[at + 1] === "{") at = argumentsAt(text, at + 1).end
    else if (text[at] === quote) return at
  }
  return text.length
}

/** The parts between two brackets, and where the second is. */
const argumentsAt = (text, open) => {
  const stack = [closing[text[open]]]
  const parts = []
  let from = open + 1
  for (let at = open + 1; at < text.length; at++) {
    const char = text[at]
    if (char === "\"" || char === "'" || char === "`") at = skipQuoted(text, at)
    else if (char === "/" && text[at + 1] === "/") at = text.indexOf("\n", at)
    else if (char in closing) stack.push(closing[char])
    else if (char === stack.at(-1)) {
      stack.pop()
      if (stack.length > 0) continue
      parts.push(text.slice(from, at))
      return { parts: parts.map((part) => part.trim()).filter((part) => part !== ""), end: at }
    } else if (char === "," && stack.length === 1) {
      parts.push(text.slice(from, at))
      from = at + 1
    }
  }
  return { parts: [], end: text.length }
}

/**
 * Replaces every call of a function by what `to` makes of its arguments; those that it makes nothing of stay.
 *
 * @param {string} text
 * @param {string} name
 * @param {(...args: ReadonlyArray<string>) => string | undefined} to
 */
export const replaceCalls = (text, name, to) => {
  let count = 0
  let from = 0
  for (;;) {
    const at = text.indexOf(`${name}(`, from)
    if (at < 0) return [text, count]
    from = at + name.length
    if (/[\w.]/.test(text[at - 1] ?? "")) continue
    const { end, parts } = argumentsAt(text, at + name.length)
    const replacement = to(...parts)
    if (replacement === undefined) continue
    count++
    text = text.slice(0, at) + replacement + text.slice(end + 1)
    // What it returns may hold more of them, among its arguments.
    from = replacement.startsWith(`${name}(`) ? from : at
  }
}
