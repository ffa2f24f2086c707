import { conformance } from "effect-sessions/testing"
import * as MapStore from "../../examples/custom-store/mapStore.js"

conformance("A store on a Map", MapStore.layer)
