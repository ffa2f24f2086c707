/** The API, as its clients and OpenAPI see it. */
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpApiMiddleware from "@effect/platform/HttpApiMiddleware"
import { Session, SessionError, SessionMiddleware } from "effect-sessions"
import * as Context from "effect/Context"
import * as Schema from "effect/Schema"

export class AppSession extends Session.Tag<AppSession>()("AppSession", {
  data: Schema.Struct({ device: Schema.String }),
  initial: { device: "" }
}) {}

/** Provides the handle of the request's session to all endpoints. */
export class AppSessions extends HttpApiMiddleware.Tag<AppSessions>()(
  "AppSessions",
  SessionMiddleware.httpApi(AppSession, { cookieName: "sid" })
) {}

export class CurrentUser extends Context.Tag("CurrentUser")<CurrentUser, { readonly name: string }>() {}

/** Provides the user to the endpoints that need one. */
export class RequireUser extends HttpApiMiddleware.Tag<RequireUser>()("RequireUser", {
  provides: CurrentUser,
  failure: Schema.Union(SessionError.SessionUnauthenticated, SessionMiddleware.Failure)
}) {}

export const Device = Schema.Struct({ handle: Schema.String, device: Schema.String, current: Schema.Boolean })

export const SignIn = Schema.Struct({ name: Schema.String, password: Schema.String, device: Schema.String })

/** The name or the password is wrong: 422, with nothing that says which. */
export class WrongPassword extends Schema.TaggedError<WrongPassword>("WrongPassword")("WrongPassword", {}) {}

export class Api extends HttpApi.make("accounts")
  .add(
    HttpApiGroup.make("accounts")
      .add(HttpApiEndpoint.post("signIn", "/sign-in").setPayload(SignIn).addError(WrongPassword, { status: 422 }))
      .add(HttpApiEndpoint.post("signOut", "/sign-out"))
      .add(HttpApiEndpoint.get("me", "/me").addSuccess(Schema.String).middleware(RequireUser))
      .add(HttpApiEndpoint.get("devices", "/devices").addSuccess(Schema.Array(Device)).middleware(RequireUser))
      .add(
        HttpApiEndpoint.post("signOutDevice", "/devices/:handle/sign-out")
          .setPath(Schema.Struct({ handle: Schema.String }))
          .addSuccess(Schema.Boolean)
          .middleware(RequireUser)
      )
  )
  .middleware(AppSessions)
{}
