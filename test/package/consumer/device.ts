/** An app that names the devices of its users: it alone has the browsers' names to carry. */
import { SessionDevice } from "effect-sessions"

console.log(typeof SessionDevice.describe)
