/** Where a connection leads, from a URL or a Server Reference. Opens nothing. */
import * as Result from "effect/Result"
import * as Net from "node:net"
import { type Credentials, credentialsOf } from "../../internal/transport/urlCredentials.ts"

export type Scheme = "mqtt" | "mqtts" | "ws" | "wss" | "unix"

export interface Target extends Credentials {
  readonly scheme: Scheme
  /** Empty for a Unix socket. */
  readonly host: string
  /** 0 for a Unix socket. */
  readonly port: number
  /** The path with the query for a WebSocket, the path of the file for a Unix socket; otherwise empty. */
  readonly path: string
}

interface SchemeRule {
  readonly scheme: Scheme
  readonly port: number
}

const rules: { readonly [scheme in Scheme]: SchemeRule } = {
  mqtt: { scheme: "mqtt", port: 1883 },
  mqtts: { scheme: "mqtts", port: 8883 },
  ws: { scheme: "ws", port: 80 },
  wss: { scheme: "wss", port: 443 },
  unix: { scheme: "unix", port: 0 }
}

/** Schemes by the beginning of a URL, including the names that other clients use. */
const protocols: ReadonlyMap<string, SchemeRule> = new Map([
  ...Object.entries(rules).map(([name, rule]) => [`${name}:`, rule] as const),
  ["tcp:", rules.mqtt],
  ["ssl:", rules.mqtts],
  ["tls:", rules.mqtts]
])

export const isSecure = ({ scheme }: Pick<Target, "scheme">): boolean => scheme === "mqtts" || scheme === "wss"

export const isWebSocket = ({ scheme }: Pick<Target, "scheme">): boolean => scheme === "ws" || scheme === "wss"

/** The endpoint for people: without credentials, and without the query, which may be a signature. */
export const endpointOf = (
  { host, path, port, scheme }: Pick<Target, "scheme" | "host" | "port" | "path">
): string => {
  if (scheme === "unix") return `unix://${path}`
  return `${scheme}://${authority(host, port)}${isWebSocket({ scheme }) ? pathOf(path) : ""}`
}

/** Host and port as a URL has them. */
export const authority = (host: string, port: number): string => `${withBrackets(host)}:${port}`

const pathOf = (path: string): string => path.split("?")[0]

export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 1 && port <= 65_535

export const at = (scheme: Scheme, host: string, port: number | undefined): Target => ({
  scheme,
  host,
  port: port ?? rules[scheme].port,
  path: isWebSocket({ scheme }) ? "/" : "",
  username: undefined,
  password: undefined
})

const schemes = "mqtt://host:port, or mqtts, ws, wss, or unix:///path"

/** An IPv6 address with the zone that it is valid in, which no URL of WHATWG has. RFC 6874 writes `%` as `%25`. */
const withZone = /^([a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?\[[0-9a-f:.]+)%(?:25)?([\w.~-]+)(\].*)$/i

interface Zoned {
  readonly text: string
  readonly zone: string | undefined
}

const zoneOf = (text: string): Zoned => {
  const [, before, zone, behind] = withZone.exec(text) ?? []
  return zone === undefined ? { text, zone } : { text: `${before}${behind}`, zone }
}

/** The port in a URL, unless it is the scheme's default. */
export const portOf = (text: string): number | undefined => {
  const url = zoneOf(text).text
  const port = URL.canParse(url) ? new URL(url).port : ""
  return port === "" ? undefined : Number(port)
}

const reserved = "write # / and ? in a user name or password as %23 %2F and %3F"

const notUrl = (text: string): string =>
  text.includes("@") && /:\/\/[^@]*[#/?]/.test(text)
    ? `is not a URL; ${reserved}`
    : "is not a URL; write it as mqtt://host or mqtt://user:password@host:port"

/**
 * Whether # or ? ends the credentials. A URL for MQTT has no fragment, and a query only for WebSocket, so an @ behind
 * either means that the user name or password is not escaped.
 */
const endsCredentials = ({ hash, search }: URL, { scheme }: SchemeRule): boolean =>
  hash.includes("@") || (!isWebSocket({ scheme }) && search.includes("@"))

/** The description of a failure never repeats the URL: it may hold a password. */
export const parse = (given: string): Result.Result<Target, string> => {
  const { text, zone } = zoneOf(given)
  if (!URL.canParse(text)) return Result.fail(notUrl(text))
  const url = new URL(text)
  const rule = protocols.get(url.protocol)
  if (rule === undefined) {
    // Without a scheme the first part is a user name, and may be a secret.
    const scheme = text.includes("@") && url.host === "" ? "its beginning" : `"${url.protocol}//"`
    return Result.fail(`${scheme} is not a scheme this transport knows; use ${schemes}`)
  }
  if (rule.scheme === "unix") return parseUnix(url)
  if (endsCredentials(url, rule)) return Result.fail(`has a host behind # or ?; ${reserved}`)
  return Result.map(
    parseNetwork(url, rule),
    (target) => zone === undefined ? target : { ...target, host: `${target.host}%${zone}` }
  )
}

const parseUnix = (url: URL): Result.Result<Target, string> => {
  const notSocket = "does not name a Unix socket; write it as unix:///path"
  const path = Result.try({ try: () => decodeURIComponent(url.pathname), catch: () => notSocket })
  return Result.flatMap(
    path,
    (path) =>
      url.host !== "" || path === "" || path === "/"
        ? Result.fail(notSocket)
        : Result.succeed({ ...at("unix", "", undefined), path })
  )
}

const parseNetwork = (url: URL, { port, scheme }: SchemeRule): Result.Result<Target, string> => {
  if (url.hostname === "") return Result.fail("has no host; write it as mqtt://host:port")
  if (url.port === "0") return Result.fail("has port 0; a port is from 1 to 65535")
  return Result.map(credentialsOf(url), ({ password, username }) => ({
    scheme,
    host: withoutBrackets(url.hostname),
    port: url.port === "" ? port : Number(url.port),
    path: isWebSocket({ scheme }) ? `${url.pathname === "" ? "/" : url.pathname}${url.search}` : "",
    username,
    password
  }))
}

/** The brackets belong to the URL, not to an IPv6 address. */
export const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, "$1")

/**
 * Where one Server Reference leads from `base`: `host`, `host:port`, `[address]:port` or a URL. Credentials in it are
 * ignored: they are the server's words, not the user's. From TLS it leads to TLS only.
 */
export const refer = (base: Target, reference: string): Result.Result<Target, string> => {
  const parsed = parse(hasScheme.test(reference) ? reference : `${schemeOf(base)}://${withBrackets(reference)}`)
  // No name is longer, and it stands in messages.
  if (Result.isFailure(parsed) || parsed.success.host.length > longestHost) {
    return Result.fail("the Server Reference is not a host, host:port or URL")
  }
  const target = parsed.success
  if (target.scheme === "unix") return Result.fail("the Server Reference names a Unix socket")
  if (isSecure(base) && !isSecure(target)) {
    return Result.fail("the Server Reference leads from TLS to a server without TLS")
  }
  // A host alone keeps the path, as it keeps everything else.
  const path = isWebSocket(target) && !hasScheme.test(reference) ? base.path : target.path
  return Result.succeed({ ...target, path, username: undefined, password: undefined })
}

const longestHost = 255

const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i

const schemeOf = ({ scheme }: Target): Scheme => scheme === "unix" ? "mqtt" : scheme

/** Looks for a colon first: the expression behind `isIPv6` takes milliseconds to compile. */
const withBrackets = (host: string): string => host.includes(":") && Net.isIPv6(host) ? `[${host}]` : host
