import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import type { Page } from "./page.js"

export const json = (body: unknown, status = 200) => HttpServerResponse.unsafeJson(body, { status })

/** An answer for people: a sentence, and the reason by which the page knows what to do. */
export const refusal = (status: number, reason: string, error: string) => json({ error, reason }, status)

/** A page that runs its own script and nothing else, and that no other site shows in a frame. */
export const serve = ({ html, policy }: Page) =>
  HttpServerResponse.setHeaders(HttpServerResponse.html(html), {
    "content-security-policy": policy,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff"
  })
