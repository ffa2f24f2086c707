export interface Response {
  readonly status: number
  readonly setCookies: ReadonlyArray<string>
  readonly body: string
}

const none: ReadonlyArray<string> = []
const nothing = Buffer.alloc(0)

/**
 * Reads HTTP/1.1 responses out of a stream of chunks: a body by content-length, chunked, or none. One request is
 * outstanding at a time, so at most one response is in the buffer.
 */
export class ResponseParser {
  private buffered: Buffer = nothing

  /** The response, once all of it has come. */
  push(chunk: Buffer): Response | undefined {
    this.buffered = this.buffered.length === 0 ? chunk : Buffer.concat([this.buffered, chunk])
    const headEnd = this.buffered.indexOf("\r\n\r\n")
    if (headEnd === -1) return undefined
    const head = this.buffered.toString("latin1", 0, headEnd)
    const body = this.bodyAfter(head, headEnd + 4)
    if (body === undefined) return undefined
    this.buffered = nothing
    return { status: Number(head.slice(9, 12)), setCookies: setCookiesOf(head), body }
  }

  private bodyAfter(head: string, start: number): string | undefined {
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)
    if (length !== null) {
      const end = start + Number(length[1])
      return this.buffered.length < end ? undefined : this.buffered.toString("latin1", start, end)
    }
    return /\r\ntransfer-encoding: *chunked/i.test(head) ? this.chunkedBody(start) : ""
  }

  private chunkedBody(start: number): string | undefined {
    let body = ""
    for (let position = start;;) {
      const lineEnd = this.buffered.indexOf("\r\n", position)
      if (lineEnd === -1) return undefined
      const size = parseInt(this.buffered.toString("latin1", position, lineEnd), 16)
      const next = lineEnd + 2 + size + 2
      if (this.buffered.length < next) return undefined
      if (size === 0) return body
      body += this.buffered.toString("latin1", lineEnd + 2, lineEnd + 2 + size)
      position = next
    }
  }
}

const setCookiesOf = (head: string): ReadonlyArray<string> => {
  if (!/\r\nset-cookie:/i.test(head)) return none
  return Array.from(head.matchAll(/\r\nset-cookie: *([^\r\n]*)/gi), (match) => match[1] ?? "")
}
