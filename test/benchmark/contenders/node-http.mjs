// The shell of the contenders on plain node:http: one table of routes, each returning what to answer as JSON.
import { createServer } from "node:http"
import { announce } from "./common.mjs"

const send = (response, value) => {
  const body = JSON.stringify(value)
  response.setHeader("content-type", "application/json")
  response.setHeader("content-length", Buffer.byteLength(body))
  response.end(body)
}

/** A route is `(request, response, url) => value | Promise<value>`; it may set headers on the response. */
export const serveRoutes = (routes, control = {}) => {
  const server = createServer((request, response) => {
    const mark = request.url.indexOf("?")
    const route = routes[mark === -1 ? request.url : request.url.slice(0, mark)]
    if (route === undefined) {
      response.statusCode = 404
      return send(response, { error: "not found" })
    }
    const fail = (error) => {
      console.error(error)
      response.statusCode = 500
      send(response, { error: "failed" })
    }
    try {
      const value = route(request, response)
      if (typeof value?.then === "function") value.then((value) => send(response, value)).catch(fail)
      else send(response, value)
    } catch (error) {
      fail(error)
    }
  })
  server.listen(0, "127.0.0.1", () => announce({ port: server.address().port, ...control }))
}

/** `/seed?size=N` is the only route with a parameter. */
export const sizeOf = (request) => Number(request.url.slice(request.url.indexOf("=") + 1))

/** The first cookie called `name`, as it was sent. */
export const cookieOf = (request, name) => {
  for (const pair of (request.headers.cookie ?? "").split("; ")) {
    if (pair.startsWith(name) && pair[name.length] === "=") return pair.slice(name.length + 1)
  }
  return undefined
}
