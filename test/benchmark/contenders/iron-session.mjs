// iron-session on node:http: the whole session sealed into the cookie, no store.
import { getIronSession } from "iron-session"
import { change, config, cookieName, ok, secret, userId, view } from "./common.mjs"
import { serveRoutes, sizeOf } from "./node-http.mjs"

const options = {
  password: secret,
  cookieName,
  ttl: config.idleMillis / 1000,
  cookieOptions: { httpOnly: true, sameSite: "lax", secure: false, path: "/" }
}
const sessionOf = (request, response) => getIronSession(request, response, options)

serveRoutes({
  "/ignore": () => ok,
  "/read": async (request, response) => {
    const session = await sessionOf(request, response)
    if (config.touchMillis <= 1) await session.save()
    return view(session)
  },
  "/write": async (request, response) => {
    const session = await sessionOf(request, response)
    const answer = change.write(session)
    await session.save()
    return answer
  },
  "/seed": async (request, response) => {
    const session = await sessionOf(request, response)
    change.seed(session, sizeOf(request))
    await session.save()
    return ok
  },
  "/sign-in": async (request, response) => {
    const session = await sessionOf(request, response)
    delete session.count
    delete session.items
    session.user = userId
    await session.save()
    return { user: userId }
  },
  "/sign-out": async (request, response) => {
    const session = await sessionOf(request, response)
    session.destroy()
    return ok
  }
})
