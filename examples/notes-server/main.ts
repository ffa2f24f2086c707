/**
 * A small web app on effect-sessions: a visit counter, notes, sign in and out, and an account page with the
 * devices of a user.
 *
 * Settings, all optional: PORT, DATABASE_URL, SESSIONS_URL (redis://… or rediss://…: the sessions there, all else in the
 * database), SESSION_SECRETS, SESSION_IDLE, SESSION_ABSOLUTE, SESSION_INSECURE, STOP_WITHIN.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Main } from "./app.js"
import { explain } from "./problems.js"

NodeRuntime.runMain(Effect.tapErrorCause(Layer.launch(Main), explain), { disableErrorReporting: true })
