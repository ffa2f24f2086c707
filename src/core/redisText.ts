import type { LiveAfter } from "./expiry.js"
import { type SessionRecord, wasRenamed } from "./record.js"

/** What is wrong with a prefix. Braces would decide over the slots of a cluster. */
export const problemsOf = (prefix: string): ReadonlyArray<string> =>
  /^[A-Za-z0-9_.:/-]{1,64}$/.test(prefix)
    ? []
    : ["RedisSessionStore.prefix must be 1 to 64 letters, digits or any of _ . : / -"]

/** Keeps line feeds, which separate the fields of a record and the parts of a word, out of what stands between them. */
export const escape = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")

/** What `escape` was given. */
export const unescape = (text: string): string => text.replace(/\\(.)/g, (_, letter) => letter === "n" ? "\n" : letter)

const orNone = (text: string | null): string => text === null ? "" : `=${escape(text)}`

const orNull = (text: string | undefined): string | null => text?.startsWith("=") ? unescape(text.slice(1)) : null

/** A record without its data, and until when links lead to it, as one text: a line for each field. */
export const encode = (record: SessionRecord, linkedUntil: number): string =>
  [
    escape(record.key),
    orNone(record.previousKey),
    orNone(record.earlierKey),
    record.renamedAt === null ? "" : String(record.renamedAt),
    escape(record.handle),
    escape(record.name),
    orNone(record.userId),
    String(record.version),
    String(record.createdAt),
    String(record.lastSeenAt),
    String(record.expiresAt),
    record.remembered ? "1" : "0",
    String(linkedUntil)
  ].map((field) => `${field}\n`).join("")

/** A record as it is stored. What is impossible in it stays so (a number that is none becomes `NaN`). */
export interface Stored {
  readonly record: SessionRecord
  readonly linkedUntil: number
}

/** Reads what `encode` wrote, and the data beside it. */
export const decode = (text: string, data: string): Stored => {
  const [
    key = "",
    previousKey,
    earlierKey,
    renamedAt = "",
    handle = "",
    name = "",
    userId,
    version,
    createdAt,
    lastSeenAt,
    expiresAt,
    remembered,
    linkedUntil
  ] = text.split("\n")
  return {
    record: {
      name: unescape(name),
      key: unescape(key),
      previousKey: orNull(previousKey),
      earlierKey: orNull(earlierKey),
      renamedAt: renamedAt === "" ? null : Number(renamedAt),
      handle: unescape(handle),
      userId: orNull(userId),
      data,
      version: Number(version),
      createdAt: Number(createdAt),
      lastSeenAt: Number(lastSeenAt),
      expiresAt: Number(expiresAt),
      remembered: remembered === "1"
    },
    linkedUntil: Number(linkedUntil)
  }
}

/** The word by which a record is found by a key. It stands for the place of that name as well. */
export const keyWord = (key: string): string => `k${escape(key)}`

export const handleWord = (handle: string): string => `h${escape(handle)}`

/** A user belongs to a declaration. */
export const userWord = (name: string, userId: string): string => `u${escape(name)}\n${escape(userId)}`

/** The words by which a record is found: links lead from each of them to its place, but from the key that is its place. */
export const wordsOf = (record: SessionRecord, place: string): ReadonlyArray<string> => {
  const { earlierKey, handle, key, name, previousKey, userId } = record
  const keys = [key, previousKey, earlierKey].flatMap((key) => key === null ? [] : [keyWord(key)])
  const words = [...keys, handleWord(handle), ...(userId === null ? [] : [userWord(name, userId)])]
  return [...new Set(words)].filter((word) => word !== `k${place}`)
}

/**
 * Until when links to a record must last that are written at `now`: as long again as the record has to live, so that they
 * are seldom written anew while it lives on.
 */
export const linkUntil = (expiresAt: number, now: number): number => expiresAt + Math.max(expiresAt - now, 0)

/** Whether a key leads to a record, by itself or by a rename later than `renamedAfter`. */
export const leadsTo = (record: SessionRecord, keys: ReadonlyArray<string>, renamedAfter: number): boolean =>
  keys.includes(record.key) || wasRenamed(record, keys, renamedAfter)

/** How many parts a cluster's sessions are in. All keys of a part are in one slot. */
export const parts = 256

/**
 * The part of a place or a word. A place that could not have the name of its key has it all the same, up to a mark: it is
 * where its key is.
 */
export const partOf = (word: string): number => {
  const text = word.split("~", 1)[0] ?? ""
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash ^ (hash >>> 16)) & (parts - 1)
}

/** A policy as arguments of a script. */
export const policyOf = ({ ordinary, remembered }: LiveAfter): ReadonlyArray<string> =>
  [ordinary.seenAfter, ordinary.begunAfter, remembered.seenAfter, remembered.begunAfter].map(String)

/** A list as arguments of a script. */
export const listOf = (items: ReadonlyArray<string>): ReadonlyArray<string> => [String(items.length), ...items]

/** A text that may be missing, as an argument of a script. */
export const maybe = (text: string | undefined): string => text === undefined ? "" : `=${escape(text)}`

/**
 * What scripts begin with. It knows the names of keys, and reads its arguments one after the other. `single` says that
 * there are no slots, so that a script may go wherever links lead it.
 */
const prelude = `
local base, single = ARGV[1], ARGV[2] == '1'
local KEY, PREVIOUS, EARLIER, RENAMED, HANDLE, NAME, USER = 1, 2, 3, 4, 5, 6, 7
local VERSION, CREATED, SEEN, EXPIRES, REMEMBERED, LINKED = 8, 9, 10, 11, 12, 13
local margin, longest = 3600000, 630720000000
local index = base .. 'x'

local position = 2
local function take() position = position + 1 return ARGV[position] end
local function takeNumber() return tonumber(take()) end
local function takeList()
  local list = {}
  for i = 1, takeNumber() do list[i] = take() end
  return list
end
local function takeSet()
  local list, set = takeList(), {}
  for _, item in ipairs(list) do set[item] = true end
  return set, list
end
local function takePolicy() return { takeNumber(), takeNumber(), takeNumber(), takeNumber() } end

local function recordKey(place) return base .. 'r:' .. place end
local function linkKey(word) return base .. 'l:' .. word end
local function turnKey(word) return base .. 't:' .. word end
local function optional(field) if field ~= '' then return string.sub(field, 2) end end
local function whole(number) return string.format('%.0f', number) end

local function parse(text)
  local record = {}
  for field in string.gmatch(text, '([^\\n]*)\\n') do record[#record + 1] = field end
  return record
end
local function load(place)
  local text = redis.call('HGET', recordKey(place), 'm')
  return text and parse(text)
end
local function textOf(record) return table.concat(record, '\\n') .. '\\n' end
local function isLive(record, now) return now < tonumber(record[EXPIRES]) end
local function isLiveAfter(record, policy, now)
  local first = record[REMEMBERED] == '1' and 3 or 1
  return isLive(record, now) and tonumber(record[SEEN]) > policy[first] and tonumber(record[CREATED]) > policy[first + 1]
end
local function wasRenamed(record, keys, after)
  if record[RENAMED] == '' or not (tonumber(record[RENAMED]) > after) then return false end
  local previous, earlier = optional(record[PREVIOUS]), optional(record[EARLIER])
  return (previous and keys[previous]) or (earlier and keys[earlier]) or false
end
local function isOf(record, name, user) return record[NAME] == name and optional(record[USER]) == user end

local function wordsOf(record, place)
  local words = {}
  local function add(word) if word ~= 'k' .. place then words[#words + 1] = word end end
  add('k' .. record[KEY])
  local previous, earlier, user = optional(record[PREVIOUS]), optional(record[EARLIER]), optional(record[USER])
  if previous then add('k' .. previous) end
  if earlier then add('k' .. earlier) end
  add('h' .. record[HANDLE])
  if user then add('u' .. record[NAME] .. '\\n' .. user) end
  return words
end

local function placesOf(words)
  local seen, places = {}, {}
  local function add(place) if not seen[place] then seen[place] = true places[#places + 1] = place end end
  for _, word in ipairs(words) do
    if string.sub(word, 1, 1) == 'k' then add(string.sub(word, 2)) end
    for _, place in ipairs(redis.call('ZRANGE', linkKey(word), 0, -1)) do add(place) end
  end
  return places
end
local function takePlaces()
  local how, list = take(), takeList()
  if how == 'places' then return list end
  return placesOf(list)
end
local function locate(key, place)
  local record = load(place)
  if record and record[KEY] == key then return place, record end
  if place ~= key then return end
  local places = redis.call('ZRANGE', linkKey('k' .. key), 0, -1)
  if not single then return nil, nil, places end
  for _, other in ipairs(places) do
    record = load(other)
    if record and record[KEY] == key then return other, record end
  end
end
local function missing(places)
  local reply = { 'none' }
  for _, place in ipairs(places or {}) do reply[#reply + 1] = place end
  return reply
end

local function remaining(moment, now)
  local millis = moment - now
  if not (millis > 0) then millis = 0 end
  if millis > longest then millis = longest end
  return millis + margin
end
local function link(word, place, moment, now)
  local key, millis = linkKey(word), remaining(moment, now)
  redis.call('ZADD', key, 'GT', whole(moment), place)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', whole(now - 2 * margin))
  if redis.call('PTTL', key) < millis then redis.call('PEXPIRE', key, whole(millis)) end
end
local function linkAll(place, record, now)
  local expires = tonumber(record[EXPIRES])
  local moment = expires
  if expires > now then moment = expires + expires - now end
  for _, word in ipairs(wordsOf(record, place)) do link(word, place, moment, now) end
  record[LINKED] = whole(moment)
end
local function store(place, record, data, now)
  local life = whole(remaining(tonumber(record[EXPIRES]), now))
  redis.call('ZADD', index, record[EXPIRES], place)
  local isNew = redis.call('PEXPIRE', recordKey(place), life) == 0
  if data then
    redis.call('HSET', recordKey(place), 'm', textOf(record), 'd', data)
  else
    redis.call('HSET', recordKey(place), 'm', textOf(record))
  end
  if isNew then redis.call('PEXPIRE', recordKey(place), life) end
end
local function remove(place, record)
  redis.call('DEL', recordKey(place))
  redis.call('ZREM', index, place)
  if single then
    for _, word in ipairs(wordsOf(record, place)) do redis.call('ZREM', linkKey(word), place) end
  end
end
local function takeTeller()
  local channel, prefix = take(), take()
  return function(record) redis.pcall('PUBLISH', channel, prefix .. record[HANDLE] .. ' ' .. record[NAME]) end
end
local function removeAll(places, isMeant, tell)
  local removed = {}
  for _, place in ipairs(places) do
    local record = load(place)
    if record and isMeant(record) then
      remove(place, record)
      if tell then tell(record) end
      removed[#removed + 1] = place
      removed[#removed + 1] = textOf(record)
    end
  end
  return removed
end
local function takePage()
  local cursor, step, places = take(), take(), takeList()
  if not single then return cursor, places end
  local page = redis.call('ZSCAN', index, cursor, 'COUNT', step)
  for i = 1, #page[2], 2 do places[#places + 1] = page[2][i] end
  return page[1], places
end

local function isBefore(left, right)
  for i = 1, math.min(#left, #right) do
    local a, b = string.byte(left, i), string.byte(right, i)
    if a ~= b then return a < b end
  end
  return #left < #right
end
local function isListedBefore(left, right)
  local a, b = tonumber(left[SEEN]), tonumber(right[SEEN])
  if a ~= b then return a > b end
  return isBefore(left[HANDLE], right[HANDLE])
end
local function liveOf(word, name, user, policy, now)
  local found = {}
  for _, place in ipairs(placesOf({ word })) do
    local record = load(place)
    if record and isOf(record, name, user) and isLiveAfter(record, policy, now) then
      record.place = place
      found[#found + 1] = record
    end
  end
  return found
end
`

/**
 * The scripts. Each is one atomic step, unless the server refuses a command in the middle, as for lack of a permission: what
 * was done before stays. So links come before the record, which is written by one command after all others that it needs,
 * and a removal begins with the record: none is changed by half, and no link is missing. When memory is full, the server
 * refuses the first write of a script or none, and a removal is no such write.
 */
export const scripts = {
  insert: `
local guards, guarding = takeSet()
local after, place, record, data, isChecked = takeNumber(), take(), parse(take()), take(), take() == '1'
local now = tonumber(record[SEEN])
if single then
  local words = {}
  for i, key in ipairs(guarding) do words[i] = 'k' .. key end
  for _, other in ipairs(placesOf(words)) do
    local found = load(other)
    if found and wasRenamed(found, guards, after) then return { 'renamed' } end
  end
end
local holder, _, others = locate(record[KEY], record[KEY])
if holder then return { 'exists' } end
if others and #others > 0 and not isChecked and not single then return missing(others) end
local count = 0
while redis.call('EXISTS', recordKey(place)) == 1 do
  if not single then return { 'taken' } end
  count = count + 1
  place = record[KEY] .. '~' .. count
end
local stale = redis.call('ZRANGEBYSCORE', index, '-inf', whole(now - 2 * margin), 'LIMIT', 0, 4)
if single then linkAll(place, record, now) end
for _, other in ipairs(stale) do redis.call('ZREM', index, other) end
store(place, record, data, now)
return { 'done' }`,
  read: `
local key = take()
local place, record, others = locate(key, take())
if not place then return missing(others) end
return { 'done', textOf(record), redis.call('HGET', recordKey(place), 'd') }`,
  search: `
local places, keys, after, now, reply = takePlaces(), takeSet(), takeNumber(), takeNumber(), {}
for _, place in ipairs(places) do
  local record = load(place)
  if record and isLive(record, now) and (keys[record[KEY]] or wasRenamed(record, keys, after)) then
    reply[#reply + 1] = textOf(record)
    reply[#reply + 1] = redis.call('HGET', recordKey(place), 'd')
  end
end
return reply`,
  change: `
local key = take()
local place, record, others = locate(key, take())
if not place then return missing(others) end
local now, seen, expires, version, data = takeNumber(), take(), take(), take(), take()
local linked, linkedVersion = take(), take()
if not isLive(record, now) then return { 'none' } end
local was = record[VERSION]
if version ~= '' and tonumber(was) ~= tonumber(version) then return { 'none' } end
local isLater = tonumber(seen) > tonumber(record[SEEN])
local before = textOf(record)
if isLater then record[SEEN], record[EXPIRES] = seen, expires end
if version ~= '' then record[VERSION] = whole(tonumber(was) + 1) else data = nil end
if not isLater and version == '' then return { 'done' } end
if tonumber(record[EXPIRES]) > tonumber(record[LINKED]) then
  if single then
    linkAll(place, record, now)
  elseif linked ~= '' and linkedVersion == was and tonumber(linked) >= tonumber(record[EXPIRES]) then
    record[LINKED] = linked
  else
    return { 'extend', place, before }
  end
end
store(place, record, data, now)
return { 'done' }`,
  rotate: `
local key = take()
local place, record, others = locate(key, take())
if not place then return missing(others) end
local version, now, next, data, tell = takeNumber(), takeNumber(), parse(take()), take(), takeTeller()
if not isLive(record, now) or tonumber(record[VERSION]) ~= version then return { 'none' } end
if single then
  if next[KEY] ~= key and locate(next[KEY], next[KEY]) then return { 'exists' } end
  linkAll(place, next, now)
end
store(place, next, data, now)
if single then
  local kept = {}
  for _, word in ipairs(wordsOf(next, place)) do kept[word] = true end
  for _, word in ipairs(wordsOf(record, place)) do
    if not kept[word] then redis.call('ZREM', linkKey(word), place) end
  end
end
if next[HANDLE] ~= record[HANDLE] then tell(record) end
return { 'done' }`,
  remove: `
local tell = takeTeller()
local places, keys, after, handle = takePlaces(), takeSet(), take(), optional(take())
return removeAll(places, function(record)
  return keys[record[KEY]] or (handle and record[HANDLE] == handle)
    or (after ~= '' and wasRenamed(record, keys, tonumber(after)))
end, tell)`,
  removeOfUser: `
local tell = takeTeller()
local places, name, user, only, except = takePlaces(), take(), take(), optional(take()), optional(take())
return removeAll(places, function(record)
  return isOf(record, name, user) and record[HANDLE] ~= except and (only == nil or record[HANDLE] == only)
end, tell)`,
  removeUnchanged: `
local tell, place, text = takeTeller(), take(), take()
local record = load(place)
if not record then return { 'none' } end
if textOf(record) ~= text then return { 'changed' } end
remove(place, record)
tell(record)
return { 'done' }`,
  limit: `
local tell = takeTeller()
local word, name, user, policy, now = take(), take(), take(), takePolicy(), takeNumber()
local limit, newest, begun = takeNumber(), take(), takeNumber()
local records = liveOf(word, name, user, policy, now)
local function rankOf(record)
  if record[HANDLE] == newest then return 1 end
  local created = tonumber(record[CREATED])
  local isLater = created > begun or (created == begun and isBefore(record[HANDLE], newest))
  return isLater and created <= now and 0 or 2
end
table.sort(records, function(left, right)
  local a, b = rankOf(left), rankOf(right)
  if a ~= b then return a < b end
  return isListedBefore(left, right)
end)
for i = limit + 1, #records do
  remove(records[i].place, records[i])
  tell(records[i])
end
return math.max(#records - limit, 0)`,
  list: `
local word, name, user, policy, now = take(), take(), take(), takePolicy(), takeNumber()
local limit, offset, reply = takeNumber(), takeNumber(), {}
local records = liveOf(word, name, user, policy, now)
table.sort(records, isListedBefore)
for i = offset + 1, math.min(offset + limit, #records) do
  reply[#reply + 1] = textOf(records[i])
  reply[#reply + 1] = redis.call('HGET', recordKey(records[i].place), 'd')
end
return reply`,
  times: `
local places, handles, name, now, reply = takePlaces(), takeSet(), take(), takeNumber(), {}
for _, place in ipairs(places) do
  local record = load(place)
  if record and record[NAME] == name and handles[record[HANDLE]] and isLive(record, now) then
    reply[#reply + 1] = textOf(record)
  end
end
return reply`,
  sweep: `
local before, limit, places = take(), takeNumber(), takeList()
if single then places = redis.call('ZRANGEBYSCORE', index, '-inf', before, 'LIMIT', 0, whole(limit)) end
local due = {}
for _, place in ipairs(places) do
  local expires = redis.call('ZSCORE', index, place)
  if expires and tonumber(expires) <= tonumber(before) then due[#due + 1] = place end
end
local removed = removeAll(due, function() return true end)
for _, place in ipairs(due) do redis.call('ZREM', index, place) end
return { #places, removed }`,
  count: `
local cursor, places = takePage()
local name, policy, now, live, signedIn = take(), takePolicy(), takeNumber(), 0, 0
for _, place in ipairs(places) do
  local record = load(place)
  if record and record[NAME] == name and isLiveAfter(record, policy, now) then
    live = live + 1
    if record[USER] ~= '' then signedIn = signedIn + 1 end
  end
end
return { cursor, live, signedIn }`,
  clear: `
local cursor, places = takePage()
local name = optional(take())
local removed = removeAll(places, function(record) return name == nil or record[NAME] == name end)
return { cursor, removed }`,
  link: `
local word, place, moment, now = take(), take(), takeNumber(), takeNumber()
if take() == '1' then
  local score = tonumber(redis.call('ZSCORE', linkKey(word), place) or '-inf')
  if score >= moment then moment = score + 1 end
end
link(word, place, moment, now)
return 1`,
  unlink: `
for _ = 1, takeNumber() do
  local word, place, moment = take(), take(), takeNumber()
  local score = redis.call('ZSCORE', linkKey(word), place)
  if score and tonumber(score) <= moment then redis.call('ZREM', linkKey(word), place) end
end
return 1`,
  takeTurn: `
local key, owner, millis = turnKey(take()), take(), take()
if redis.call('EXISTS', key) == 1 then return 0 end
redis.call('HSET', key, 'owner', owner)
redis.call('PEXPIRE', key, millis)
return 1`,
  endTurn: `
local key, owner = turnKey(take()), take()
if redis.call('HGET', key, 'owner') == owner then redis.call('DEL', key) end
return 1`
} as const

/** The name of a script. */
export type ScriptName = keyof typeof scripts

const [head = "", ...functions] = prelude.split(/^(?=local function )/m)

/** A whole script. Redis makes every function anew for every call, so it has those that it needs. */
export const scriptOf = (name: ScriptName): string =>
  head + functions.reduceRight(
    (script, text) => new RegExp(`\\b${/\w+(?=\()/.exec(text)?.[0]}\\b`).test(script) ? text + script : script,
    scripts[name]
  )
