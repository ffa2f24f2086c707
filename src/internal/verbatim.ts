/**
 * Schemas whose decoded form is the encoded form, as that of most session data is. Such a schema's values need no
 * decoding where they are what it would make of them, to the letter, and finding that out takes a fraction of the time.
 */
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"

type Check = (value: unknown) => boolean

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype

const isArray = (value: unknown): value is ReadonlyArray<unknown> =>
  Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype && !("toJSON" in value)

/**
 * A test for values that `schema` decodes, and encodes, to an equal value, and that are JSON: without properties that it
 * would strip or put in another order, nothing undefined, no number that is not finite. What it says no to may still
 * decode. `undefined` for a schema whose values cannot be told this way: one that declares something, is recursive,
 * transforms more than by giving properties a default, or is a union of objects without a literal that tells them apart.
 */
export const make = <Type, Encoded>(
  schema: Schema.Schema<Type, Encoded>
): ((value: unknown) => value is Type & Encoded) | undefined => {
  const check = checkOf(schema.ast)
  return check && ((value): value is Type & Encoded => {
    try {
      return check(value)
    } catch {
      // A filter of the app's own that throws: the schema itself will say so, as a failure.
      return false
    }
  })
}

const checkOf = (ast: AST.AST): Check | undefined => {
  switch (ast._tag) {
    case "StringKeyword":
      return (value) => typeof value === "string"
    case "NumberKeyword":
      return Number.isFinite
    case "BooleanKeyword":
      return (value) => typeof value === "boolean"
    case "UndefinedKeyword":
      return () => false
    case "Literal":
      return checkOfLiteral(ast)
    case "Refinement":
      return checkOfRefinement(ast)
    case "TupleType":
      return checkOfArray(ast)
    case "TypeLiteral":
      return ast.indexSignatures.length === 0 ? checkOfStruct(ast) : checkOfRecord(ast)
    case "Union":
      return checkOfUnion(ast)
    case "Transformation":
      return checkOfDefaults(ast)
    default:
      return undefined
  }
}

const isDefined = (check: Check | undefined): check is Check => check !== undefined

const checkOfLiteral = ({ literal }: AST.Literal): Check | undefined =>
  typeof literal === "bigint" || (typeof literal === "number" && !Number.isFinite(literal))
    ? undefined
    : (value) => value === literal

const checkOfRefinement = (ast: AST.Refinement): Check | undefined => {
  const check = checkOf(ast.from)
  return check && ((value) => check(value) && Option.isNone(ast.filter(value, {}, ast)))
}

const checkOfArray = ({ elements, rest }: AST.TupleType): Check | undefined => {
  const first = elements.map(({ type }) => checkOf(type))
  const others = rest.map(({ type }) => checkOf(type))
  if (!first.every(isDefined) || !others.every(isDefined)) return undefined
  if (elements.some(({ isOptional }) => isOptional) || others.length > 1) return undefined
  const [other] = others
  return (value) => {
    if (!isArray(value) || value.length < first.length) return false
    for (let index = 0; index < value.length; index++) {
      const check = index < first.length ? first[index] : other
      if (check === undefined || !check(value[index])) return false
    }
    return true
  }
}

const checkOfStruct = ({ propertySignatures }: AST.TypeLiteral): Check | undefined => {
  const names = propertySignatures.map(({ name }) => name)
  const checks = propertySignatures.map(({ type }) => checkOf(type))
  const isOptional = propertySignatures.map(({ isOptional }) => isOptional)
  // An empty struct takes anything but null.
  if (names.length === 0 || !checks.every(isDefined)) return undefined
  if (names.some((name) => typeof name !== "string" || name === "__proto__")) return undefined
  return (value) => {
    if (!isObject(value)) return false
    let next = 0
    for (const key in value) {
      for (; names[next] !== key; next++) {
        if (isOptional[next] !== true) return false
      }
      const check = checks[next++]
      if (check === undefined || !check(value[key])) return false
    }
    for (; next < names.length; next++) {
      if (isOptional[next] !== true) return false
    }
    return true
  }
}

const checkOfRecord = ({ indexSignatures, propertySignatures }: AST.TypeLiteral): Check | undefined => {
  const [signature, ...others] = indexSignatures
  if (signature === undefined || others.length > 0 || propertySignatures.length > 0) return undefined
  const check = checkOf(signature.type)
  if (check === undefined || !AST.isStringKeyword(signature.parameter)) return undefined
  return (value) => {
    if (!isObject(value)) return false
    for (const key in value) {
      if (key === "__proto__" || !check(value[key])) return false
    }
    return true
  }
}

/** Of objects that several members take, the schema would choose one, and strip what the others know. */
const checkOfUnion = ({ types }: AST.Union): Check | undefined => {
  const checks = types.map(checkOf)
  const objects = types.filter((type) => !isPrimitive(type))
  const areApart = objects.every((left, index) => objects.slice(index + 1).every((right) => isApart(left, right)))
  return areApart && checks.every(isDefined) ? (value) => checks.some((check) => check(value)) : undefined
}

const isPrimitive = (ast: AST.AST): boolean =>
  AST.isRefinement(ast)
    ? isPrimitive(ast.from)
    : AST.isUnion(ast)
    ? ast.types.every(isPrimitive)
    : !AST.isTupleType(ast) && !AST.isTypeLiteral(ast) && !AST.isTransformation(ast)

/** Whether no value belongs to both. */
const isApart = (left: AST.AST, right: AST.AST): boolean =>
  (AST.isTupleType(left) && AST.isTypeLiteral(right)) || (AST.isTypeLiteral(left) && AST.isTupleType(right)) ||
  (AST.isTypeLiteral(left) && AST.isTypeLiteral(right) &&
    left.propertySignatures.some((one) =>
      right.propertySignatures.some((other) => one.name === other.name && areOtherLiterals(one, other))
    ))

const areOtherLiterals = (left: AST.PropertySignature, right: AST.PropertySignature): boolean =>
  !left.isOptional && !right.isOptional && AST.isLiteral(left.type) && AST.isLiteral(right.type) &&
  left.type.literal !== right.type.literal

/** A property that has a default has no need of it where it is there. */
const checkOfDefaults = ({ from, to, transformation }: AST.Transformation): Check | undefined => {
  if (!AST.isTypeLiteralTransformation(transformation)) return undefined
  const properties = transformation.propertySignatureTransformations
  const before = checkOf(from)
  const after = checkOf(to)
  if (before === undefined || after === undefined || properties.some(({ from, to }) => from !== to)) return undefined
  return (value) =>
    isObject(value) && before(value) && after(value) &&
    properties.every(({ decode, encode, from }) =>
      typeof from === "string" && Object.hasOwn(value, from) &&
      keeps(decode, value[from]) && keeps(encode, value[from])
    )
}

const keeps = (change: (value: Option.Option<unknown>) => Option.Option<unknown>, value: unknown): boolean =>
  Option.exists(change(Option.some(value)), (changed) => changed === value)
