/** On Bun, at http://localhost:3000: `bun examples/web-handler/bun.ts` */
import { handler } from "./handler.js"

declare const Bun: {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly serve: (options: {
    readonly port: number
    readonly fetch: (request: Request) => Promise<Response>
  }) => { readonly port: number }
}

const server = Bun.serve({ port: Number(Bun.env["PORT"] ?? 3000), fetch: (request) => handler(request) })
console.log(`Listening on http://localhost:${server.port}`)
