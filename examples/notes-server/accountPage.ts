import { makePage } from "./page.js"

/** The page at `/account`: the devices of a user, and what happened to them lately. */
export const accountPage = makePage({
  title: "Account",
  lead: `You are <strong id="who">…</strong>.`,
  content: `<div id="account" hidden>
<section class="card" aria-labelledby="devices-title">
  <h2 id="devices-title" tabindex="-1">My devices</h2>
  <ul id="devices" class="rows"></ul>
  <div class="actions">
    <button id="others" class="plain" type="button">Sign out other devices</button>
    <button id="everywhere" class="danger" type="button" aria-haspopup="dialog">Sign out everywhere</button>
  </div>
</section>
<section class="card" aria-labelledby="activity-title">
  <h2 id="activity-title">Recent activity</h2>
  <p id="no-activity" class="quiet">Nothing yet.</p>
  <ol id="activity" class="rows"></ol>
</section>
</div>
<dialog id="confirm" aria-labelledby="confirm-title" aria-describedby="confirm-why">
  <form id="confirm-form" novalidate>
    <h2 id="confirm-title">Is it you?</h2>
    <p id="confirm-why">You signed in more than ten minutes ago. Type your name again to sign out everywhere, here as well.</p>
    <label for="confirm-name">Name</label>
    <input id="confirm-name" maxlength="64" required autocomplete="username" aria-describedby="confirm-name-problem" autofocus>
    <p id="confirm-name-problem" class="problem" role="alert"></p>
    <div class="actions"><button id="cancel" class="plain" type="button">Cancel</button><button class="danger">Confirm and sign out</button></div>
  </form>
</dialog>`,
  script: `
  const make = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties)
    made.append(...children)
    return made
  }
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]]
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" })
  const distance = (time) => {
    const seconds = (Date.parse(time) - Date.now()) / 1000
    const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? []
    return unit === undefined ? (seconds > 0 ? "in a moment" : "just now") : relative.format(Math.round(seconds / length), unit)
  }
  const when = (time) => make("time", { dateTime: time, title: local(time) }, distance(time))
  const plural = (count, one) => count === 1 ? "1 " + one : count + " " + one + "s"

  const drawDevices = (devices) => {
    const focused = document.activeElement?.dataset.handle
    element("devices").replaceChildren(...devices.map((device, index) => {
      const times = make(
        "p", { id: "device-" + index }, "Signed in ", when(device.createdAt), ", last seen ", when(device.lastSeenAt),
        ", ends ", when(device.expiresAt)
      )
      const name = make("div", { className: "name" }, make("strong", {}, device.label))
      if (device.current) name.append(make("span", { className: "badge" }, "This device"))
      if (device.remembered) name.append(make("span", { className: "badge" }, "Remembered"))
      const about = make("div", {}, name, times)
      if (device.current) return make("li", {}, about)
      const button = make("button", { type: "button", className: "plain" }, "Sign out")
      button.dataset.handle = device.handle
      button.setAttribute("aria-label", "Sign out: " + device.label)
      button.setAttribute("aria-describedby", times.id)
      button.addEventListener("click", () =>
        act(button, () => call("/api/sessions/" + encodeURIComponent(device.handle), undefined, { method: "DELETE" }),
          () => "Signed out: " + device.label + "."))
      return make("li", {}, about, button)
    }))
    if (focused !== undefined) {
      const again = document.querySelector("[data-handle='" + CSS.escape(focused) + "']")
      const next = again ?? element("devices-title")
      next.focus()
    }
    element("others").hidden = devices.length < 2
  }
  const what = ({ by, count, current, label, what }) => {
    const device = label ?? "a device"
    const here = current ? " (this device)" : ""
    if (what === "SignedIn") return "Signed in on " + device + here
    if (what === "SignedOut") return "Signed out on " + device + here
    if (what === "Expired") return "The session on " + device + " expired"
    const ended = label === null ? plural(count, "device") : label
    if (by === "User") return "Signed out everywhere: " + ended
    if (by === "Limit") return "Signed out, since there were too many: " + ended
    if (by === "Administrator") return "Signed out by an administrator: " + ended
    return "Signed out from another device: " + ended
  }
  const drawActivity = (entries) => {
    element("no-activity").hidden = entries.length > 0
    element("activity").replaceChildren(
      ...entries.map((entry) => make("li", {}, make("span", {}, what(entry)), when(entry.at)))
    )
  }
  let turns = 0
  const load = async (options) => {
    const turn = ++turns
    const [devices, entries] = await Promise.all([
      call("/api/sessions", undefined, options), call("/api/activity", undefined, options)
    ])
    if (turn !== turns || shown.user === null) return
    drawDevices(devices)
    drawActivity(entries)
    element("account").hidden = false
  }
  draw = async ({ user }) => {
    if (user !== null) return load()
    turns++
    element("account").hidden = true
    element("devices").replaceChildren()
    element("activity").replaceChildren()
  }
  // Nobody did anything here: it must not make the session live longer. Whoever is signed out hears it from the stream.
  onActivity = () => { load({ headers: { "x-background": "1" } }).catch(() => {}) }
  setInterval(() => { if (!document.hidden && shown.user !== null) onActivity() }, 60000)

  const act = async (button, ask, done) => {
    if (button.hasAttribute("aria-busy")) return
    button.setAttribute("aria-busy", "true")
    say("")
    try {
      const answer = await ask()
      await show()
      say(done(answer))
    } catch (problem) {
      tell(problem)
      if (!isAway(problem)) await show().catch(tell)
    }
    button.removeAttribute("aria-busy")
    if (button.hidden || document.activeElement === document.body) {
      const next = shown.user === null ? element("username") : element("devices-title")
      next.focus()
    }
  }
  element("others").addEventListener("click", ({ target }) =>
    act(target, () => call("/api/sign-out-others", {}), ({ count }) => "Signed out: " + plural(count, "other device") + "."))

  const leftAll = ({ count } = {}) =>
    count === undefined ? "" : "You signed out everywhere: " + plural(count, "device") + "."
  const everywhere = element("everywhere")
  const dialog = element("confirm")
  everywhere.addEventListener("click", () =>
    act(everywhere, () => leave("/api/sign-out-everywhere").catch((problem) => {
      if (problem.reason !== "SignInTooOld") throw problem
      dialog.showModal()
    }), leftAll))
  element("cancel").addEventListener("click", () => dialog.close())
  dialog.addEventListener("close", () => {
    element("confirm-form").reset()
    element("confirm-name-problem").textContent = ""
    element("confirm-name").removeAttribute("aria-invalid")
  })
  element("confirm-form").addEventListener("submit", async (event) => {
    event.preventDefault()
    const name = element("confirm-name")
    if (name.value.trim() !== shown.user) {
      name.setAttribute("aria-invalid", "true")
      element("confirm-name-problem").textContent = "That is not the name you are signed in with."
      name.focus()
      return
    }
    const username = shown.user
    dialog.close()
    await act(everywhere, async () => {
      await call("/api/sign-in", { username })
      return leave("/api/sign-out-everywhere")
    }, leftAll)
  })
  refresh()
`
})
