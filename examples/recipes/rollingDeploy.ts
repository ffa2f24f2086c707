import { Session } from "effect-sessions"
import * as Schema from "effect/Schema"

/** On every version, from the first: a node keeps the fields it does not know when it writes. */
const keepsUnknown = { parseOptions: { onExcessProperty: "preserve" } } as const

/** What runs. */
export class Before extends Session.Tag<Before>()("ShopSession", {
  data: Schema.Struct({
    name: Schema.String,
    cart: Schema.Array(Schema.String)
  }).annotations(keepsUnknown),
  initial: { name: "", cart: [] }
}) {}

/** What is deployed beside it, and then instead: `name` is called `displayName` in the code, and `theme` is new. */
export class After extends Session.Tag<After>()("ShopSession", {
  data: Schema.Struct({
    displayName: Schema.propertySignature(Schema.String).pipe(Schema.fromKey("name")),
    cart: Schema.Array(Schema.String),
    theme: Schema.optionalWith(Schema.String, { default: () => "light" })
  }).annotations(keepsUnknown),
  initial: { displayName: "", cart: [], theme: "light" }
}) {}

/** A change spreads what it got: the fields that this version does not know are among it. */
export const addToCart =
  (item: string) => <Data extends { readonly cart: ReadonlyArray<string> }>(data: Data): Data => ({
    ...data,
    cart: [...data.cart, item]
  })
