/** Where a WebSocket of a browser leads, from a URL or a Server Reference. Opens nothing. */
import * as Result from "effect/Result"
import { type Credentials, credentialsOf } from "../../internal/transport/urlCredentials.ts"

export interface Target extends Credentials {
  /**
   * For the browser: without user name and password, which are for MQTT, and without a fragment, which no WebSocket
   * takes.
   */
  readonly href: string
  /** For people: also without the query, which may be a signature. */
  readonly endpoint: string
}

const schemes: ReadonlySet<string> = new Set(["ws:", "wss:"])

const isWeb = (url: string | undefined): url is string => url !== undefined && /^https?:/.test(url)

/**
 * Where the page came from. A page without an address of its own, such as a `srcdoc` frame or a worker from a `blob:`,
 * has the address of its creator as its origin, or as its base if it is sandboxed.
 */
export const pageUrl = (): string | undefined => {
  const { document, location, origin } = globalThis as Partial<typeof globalThis>
  return [location?.href, origin, location?.origin, document?.baseURI].find(isWeb)
}

const notUrl = "is not a URL; write it as wss://host/path, or /path for the page's own server"

/** Why `/path` leads nowhere here: Node has no page, and a `file:`, a `data:` or an app is on no server. */
const noServer = (): string => {
  const { location } = globalThis as Partial<typeof globalThis>
  if (location === undefined) return "is a path, and there is no page to complete it; write it as wss://host/path"
  return `is a path, and this page (${location.protocol}) does not come from a server; ` +
    "write it as wss://host/path"
}

/** `/path` is on the server that the page came from, in its own scheme. */
const toUrl = (text: string): Result.Result<URL, string> => {
  const base = text.startsWith("/") ? pageUrl() : undefined
  if (text.startsWith("/") && base === undefined) return Result.fail(noServer())
  const url = Result.try({ try: () => new URL(text, base), catch: () => notUrl })
  return base === undefined ? url : Result.map(url, ({ href }) => new URL(href.replace(/^http/, "ws")))
}

/** The description of a failure never repeats the URL: it may hold a password or a signature. */
export const parse = (text: string): Result.Result<Target, string> => Result.flatMap(toUrl(text), fromUrl)

const fromUrl = (url: URL): Result.Result<Target, string> => {
  if (!schemes.has(url.protocol)) {
    return Result.fail("does not begin with ws:// or wss://, and a browser can open nothing else")
  }
  if (url.port === "0") return Result.fail("has port 0; a port is from 1 to 65535")
  return Result.map(credentialsOf(url), ({ password, username }) => ({
    href: `${endpointOf(url)}${url.search}`,
    endpoint: endpointOf(url),
    username,
    password
  }))
}

const endpointOf = ({ host, pathname, protocol }: URL): string => `${protocol}//${host}${pathname}`

/**
 * Where one Server Reference leads from `base`: `host`, `host:port` or a URL. A host alone keeps scheme and path.
 * Credentials in it are ignored: they are the server's words. From `wss:` it leads to `wss:` only.
 */
export const refer = (base: Target, reference: string): Result.Result<Target, string> => {
  const { pathname, protocol } = new URL(base.href)
  const parsed = parse(hasScheme.test(reference) ? reference : `${protocol}//${reference}${pathname}`)
  if (Result.isFailure(parsed)) return Result.fail("the Server Reference is not a URL that a browser can open")
  const target = parsed.success
  if (protocol === "wss:" && !target.href.startsWith("wss:")) {
    return Result.fail("the Server Reference leads from TLS to a server without TLS")
  }
  return Result.succeed({ ...target, username: undefined, password: undefined })
}

const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i
