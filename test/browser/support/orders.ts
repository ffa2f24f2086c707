import type { Asked } from "./model.js"

/** What can happen next. Requests have numbers, and a tab: the first one's is 0, the others' 1. */
export type Step =
  /** A request leaves its tab, arrives, and waits. */
  | { readonly _tag: "start"; readonly request: number; readonly asked: Asked }
  /** It goes on, and is answered; the answer is on its way. */
  | { readonly _tag: "finish"; readonly request: number }
  /** The answer arrives in the browser. */
  | { readonly _tag: "deliver"; readonly request: number }
  /** The first tab goes back to a page of the app. What it waits for is given up. */
  | { readonly _tag: "back" }
  /** An administrator ends the sessions of the user. */
  | { readonly _tag: "revoke" }
  /** The app is deployed anew, with another cookie. */
  | { readonly _tag: "redeploy"; readonly to: string }

/** Who has the browser when the order begins. */
export const beginnings = ["nobody", "visitor", "ann"] as const

export type Beginning = (typeof beginnings)[number]

export interface Order {
  readonly beginning: Beginning
  readonly steps: ReadonlyArray<Step>
}

/** Every way to merge lists without changing the order in any of them. */
const merged = <A>(lists: ReadonlyArray<ReadonlyArray<A>>): ReadonlyArray<ReadonlyArray<A>> => {
  const left = lists.filter((list) => list.length > 0)
  return left.length === 0
    ? [[]]
    : left.flatMap((list) =>
      merged(left.map((other) => other === list ? other.slice(1) : other)).map((rest) => [...list.slice(0, 1), ...rest])
    )
}

/** Every choice of `count` with repetition, in every order. */
const choices = <A>(of: ReadonlyArray<A>, count: number): ReadonlyArray<ReadonlyArray<A>> =>
  count === 0 ? [[]] : choices(of, count - 1).flatMap((before) => of.map((one) => [...before, one]))

/** A request whose answer takes its time, and one whose answer arrives at once. */
const three = (asked: Asked, request: number): ReadonlyArray<Step> => [
  { _tag: "start", request, asked },
  { _tag: "finish", request },
  { _tag: "deliver", request }
]
const two = (asked: Asked, request: number): ReadonlyArray<ReadonlyArray<Step>> => {
  const [start, ...others] = three(asked, request)
  return start === undefined ? [] : [[start], others]
}

/** Requests that start in the order of their numbers: any other order is one of these with other numbers. */
const startInOrder = (steps: ReadonlyArray<Step>): boolean => {
  const started = steps.flatMap((step) => step._tag === "start" ? [step.request] : [])
  return started.every((request, index) => request === index + 1)
}

const early = (what: Asked["what"], user?: string): Asked => ({
  what,
  when: "early",
  ...(user === undefined ? {} : { user })
})
const late = (what: Asked["what"], user?: string): Asked => ({ ...early(what, user), when: "late" })

const look = early("look")
const basic: ReadonlyArray<Asked> = [
  early("note"),
  early("signIn", "ann"),
  early("signOut"),
  early("password"),
  early("rotate")
]
const all: ReadonlyArray<Asked> = [
  ...basic,
  early("signIn", "bob"),
  late("note"),
  late("signIn", "ann"),
  late("signOut"),
  late("rotate"),
  { what: "password", when: "mid" }
]

const orders = (of: ReadonlyArray<Beginning>, lists: ReadonlyArray<ReadonlyArray<Step>>): ReadonlyArray<Order> =>
  lists.flatMap((steps) => of.map((beginning) => ({ beginning, steps })))

/** Two requests, each of them in three parts, in two tabs. */
const pairs = (): ReadonlyArray<Order> =>
  orders(
    beginnings,
    choices(all, 2).flatMap((asked) => merged(asked.map((one, index) => three(one, index + 1)))).filter(startInOrder)
  )

/** Three requests, whose answers arrive as they are given. */
const triples = (): ReadonlyArray<Order> =>
  orders(
    ["visitor", "ann"],
    choices([...basic, early("signIn", "bob")], 3)
      .flatMap((asked) => merged(asked.map((one, index) => two(one, index + 1))))
      .map((groups) => groups.flat())
      .filter(startInOrder)
  )

/** Two requests, and something else at any moment. */
const withEvent = (
  of: ReadonlyArray<Beginning>,
  asked: ReadonlyArray<Asked>,
  events: ReadonlyArray<ReadonlyArray<Step>>
): ReadonlyArray<Order> =>
  orders(
    of,
    events.flatMap((event) =>
      choices(asked, 2)
        .flatMap((asked) => merged([...asked.map((one, index) => two(one, index + 1)), event.map((step) => [step])]))
        .map((groups) => groups.flat())
        .filter(startInOrder)
    )
  )

export const deployedAnew = ["path", "domain", "renamed", "signed", "persistent"] as const

/** Two requests, during which the app is deployed anew, and perhaps as it was once more. */
const redeployed = (): ReadonlyArray<Order> =>
  withEvent(["visitor", "ann"], [look, ...basic], deployedAnew.map((to) => [{ _tag: "redeploy", to }]))

const rolledBack = (): ReadonlyArray<Order> =>
  withEvent(["visitor", "ann"], [early("note"), early("signIn", "ann"), early("signOut")], [
    [{ _tag: "redeploy", to: "path" }, { _tag: "redeploy", to: "base" }]
  ])

const revoked = (): ReadonlyArray<Order> => withEvent(["ann"], [...basic, late("note")], [[{ _tag: "revoke" }]])

/** Whether the first request is on its way when its tab goes back. */
const givesUp = (steps: ReadonlyArray<Step>): boolean => {
  const at = steps.findIndex(({ _tag }) => _tag === "back")
  return steps.slice(0, at).some((step) => step._tag === "start" && step.request === 1)
}

/** Two requests, during which the first tab goes back. What its request would still do does not happen. */
const wentBack = (): ReadonlyArray<Order> => {
  const seen = new Set<string>()
  return orders(
    ["visitor", "ann"],
    choices(basic, 2)
      .flatMap(([first = look, second = look]) =>
        merged<ReadonlyArray<Step>>([three(first, 1).map((step) => [step]), two(second, 2), [[{ _tag: "back" }]]])
      )
      .map((groups) => groups.flat())
      .map((steps) =>
        givesUp(steps)
          ? steps.filter((step, index) =>
            index < steps.findIndex(({ _tag }) => _tag === "back") || !("request" in step) || step.request !== 1
          )
          : steps
      )
      .filter((steps) => {
        const text = JSON.stringify(steps)
        return !seen.has(text) && seen.add(text)
      })
  )
}

/** The model: every order of each kind. */
export const model = { pairs, triples, redeployed, rolledBack, revoked, wentBack }

const stepToText = (step: Step): string => {
  switch (step._tag) {
    case "start": {
      const { user, what, when } = step.asked
      return `start ${step.request} (${what}${user === undefined ? "" : ` ${user}`}, ${when})`
    }
    case "finish":
    case "deliver":
      return `${step._tag} ${step.request}`
    case "redeploy":
      return `redeploy ${step.to}`
    default:
      return step._tag
  }
}

export const toText = ({ beginning, steps }: Order): string => `${beginning}: ${steps.map(stepToText).join(", ")}`
