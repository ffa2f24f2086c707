/** On Deno, at http://localhost:3000. In an app of your own: `deno run --allow-net --allow-env main.ts` */
import { handler } from "./handler.js"

declare const Deno: {
  readonly env: { readonly get: (name: string) => string | undefined }
  readonly serve: (
    options: { readonly port: number; readonly onListen: (address: { readonly port: number }) => void },
    handler: (request: Request) => Promise<Response>
  ) => unknown
}

Deno.serve({
  port: Number(Deno.env.get("PORT") ?? 3000),
  onListen: ({ port }) => console.log(`Listening on http://localhost:${port}`)
}, (request) => handler(request))
