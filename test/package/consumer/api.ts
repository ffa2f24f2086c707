/** A package whose own declarations name what the library gave it. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import { Session, SessionCookie, SessionMiddleware, Sessions, SessionTimeouts } from "effect-sessions"
import * as Schema from "effect/Schema"

export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ visits: Schema.Number }),
  initial: { visits: 0 }
}) {}

export const options = SessionMiddleware.httpApi(AppSession)

export class AppSessions extends HttpApiMiddleware.Tag<AppSessions>()("AppSessions", options) {}

export class Api extends HttpApi.make("api")
  .add(HttpApiGroup.make("visits").add(HttpApiEndpoint.get("visit", "/").addSuccess(Schema.Number)))
  .middleware(AppSessions)
{}

export const AppSessionsLive = SessionMiddleware.layerHttpApi(AppSessions, AppSession)

export const router = SessionMiddleware.httpRouter(AppSession)

export const layerRouter = SessionMiddleware.layerRouter(AppSession)

export const SessionsLive = Sessions.layer(AppSession)

export const MemoryLive = Sessions.layerMemory(AppSession)

export const TimeoutsLive = SessionTimeouts.layer()

export const CookieLive = SessionCookie.layer()

export const manager = AppSession.sessions
