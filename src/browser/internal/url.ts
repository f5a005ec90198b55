/**
 * Where a WebSocket of a browser leads, as a URL or a Server Reference says it. Opens nothing.
 */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"

export interface Target {
  /** For the browser: without user name and password, which are for MQTT, and without what no WebSocket takes. */
  readonly href: string
  /** For people: also without the query, which may be a signature. */
  readonly endpoint: string
  readonly username: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
}

const schemes: ReadonlySet<string> = new Set(["ws:", "wss:"])

/** `/path` is on the server that the page came from, in its own scheme. */
const toUrl = (text: string): URL => {
  if (!text.startsWith("/") || globalThis.location === undefined) return new URL(text)
  return new URL(new URL(text, globalThis.location.href).href.replace(/^http/, "ws"))
}

const notUrl = "is not a URL; write it as wss://host/path, or /path for the page's own server"

/** The description of a failure never repeats the URL: it may hold a password or a signature. */
export const parse = (text: string): Result.Result<Target, string> =>
  Result.flatMap(Result.try({ try: () => toUrl(text), catch: () => notUrl }), fromUrl)

const fromUrl = (url: URL): Result.Result<Target, string> => {
  if (!schemes.has(url.protocol)) return Result.fail("does not begin with ws:// or wss://, all that a browser can open")
  if (url.port === "0") return Result.fail("has port 0; a port is from 1 to 65535")
  return Result.map(
    Result.all([decoded(url.username), decoded(url.password)]),
    ([username, password]) => ({
      href: `${endpointOf(url)}${url.search}`,
      endpoint: endpointOf(url),
      username: username === "" ? undefined : username,
      password: password === "" ? undefined : Redacted.make(password)
    })
  )
}

const endpointOf = ({ host, pathname, protocol }: URL): string => `${protocol}//${host}${pathname}`

const decoded = (part: string): Result.Result<string, string> =>
  Result.try({
    try: () => decodeURIComponent(part),
    catch: () => "has a user name or password with a \"%\" that does not stand for a character"
  })

/**
 * Where one Server Reference leads from `base`: `host`, `host:port` or a URL. A host alone keeps scheme and path. What it
 * says of credentials is not taken: they are the server's words. From `wss:` it leads to `wss:` only.
 */
export const refer = (base: Target, reference: string): Result.Result<Target, string> => {
  const { pathname, protocol } = new URL(base.href)
  const parsed = parse(hasScheme.test(reference) ? reference : `${protocol}//${reference}${pathname}`)
  if (Result.isFailure(parsed)) return Result.fail("the Server Reference is nothing that a browser can open")
  const target = parsed.success
  if (protocol === "wss:" && !target.href.startsWith("wss:")) {
    return Result.fail("the Server Reference leads from TLS to a server without")
  }
  return Result.succeed({ ...target, username: undefined, password: undefined })
}

const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i
