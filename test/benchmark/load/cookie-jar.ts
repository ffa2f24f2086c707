/** The cookies of one client. */
export class CookieJar {
  private readonly cookies = new Map<string, string>()
  /** As it goes into the `Cookie` header. */
  header = ""

  static of(header: string): CookieJar {
    const jar = new CookieJar()
    jar.adopt(header.split("; "))
    return jar
  }

  /** Takes over what a response set; true when the header changed. */
  adopt(setCookies: ReadonlyArray<string>): boolean {
    let changed = false
    for (const line of setCookies) {
      const pair = line.split(";", 1)[0] ?? ""
      const name = pair.slice(0, pair.indexOf("="))
      const value = pair.slice(name.length + 1)
      if (this.cookies.get(name) === value) continue
      changed = true
      if (value === "") this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    if (changed) {
      this.header = Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join("; ")
    }
    return changed
  }

  /** The same cookies with the middle of the first value replaced by other characters of their kind. */
  forge(): string {
    return Array.from(this.cookies, ([name, value], index) => `${name}=${index === 0 ? forged(value) : value}`).join(
      "; "
    )
  }
}

/** Length, separators and alphabet stay, so that the forgery is seen only where the value itself is judged. */
const forged = (value: string): string => {
  const characters = [...value]
  const middle = Math.floor(characters.length / 2)
  for (let index = Math.max(2, middle - 8); index < middle + 8; index++) {
    const character = characters[index] ?? ""
    const escaped = characters[index - 1] === "%" || characters[index - 2] === "%"
    if (!escaped) characters[index] = another(character)
  }
  return characters.join("")
}

const kinds = ["0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ"]

const another = (character: string): string => {
  const kind = kinds.find((kind) => kind.includes(character))
  return kind === undefined ? character : kind[Math.floor(Math.random() * kind.length)] ?? character
}
