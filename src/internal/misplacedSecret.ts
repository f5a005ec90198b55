/**
 * Secrets in the neighbouring option: the key where the path of its file belongs, a URL with a password where a host
 * belongs. The error names the kind of secret, and never repeats the secret.
 *
 * It knows how secrets look; the callers choose which options to check.
 */

const pem = /-----BEGIN /

/** DER in base64, as keys and certificates are without their PEM lines: a sequence of some length. */
const base64 = /^M[A-Za-z0-9][A-Za-z0-9+/=\s]{50,}$/

const isMaterial = (text: string): boolean => pem.test(text) || base64.test(text)

const longestScheme = 31
const endsInScheme = /[a-z][a-z0-9+.-]*$/i

/** Looks for a scheme only where "://" stands: anywhere else it takes thirty times as long in a long text. */
const hasUrl = (text: string): boolean => {
  for (let at = text.indexOf("://"); at >= 0; at = text.indexOf("://", at + 1)) {
    if (endsInScheme.test(text.slice(Math.max(0, at - longestScheme), at))) return true
  }
  return false
}

/** Why it is no path of a file. */
export const pathProblem = (path: string): string | undefined => {
  if (isMaterial(path)) return "holds a key or certificate itself; give the path of its file"
  if (path.includes("\n")) return "has more than one line; give the path of a file"
  return hasUrl(path) && path.includes("@") ? "holds a URL with credentials; give the path of a file" : undefined
}

/** Why it is no host name or address. */
export const hostProblem = (host: string): string | undefined => {
  if (isMaterial(host)) return "holds a key or certificate; give a host name or an address"
  if (hasUrl(host)) return "holds a URL; give it as `url`, or the host alone"
  return host.includes("@") ? "holds a user name or password; give the host alone, and these as options" : undefined
}

/** Why it is no name of a client or a topic. Both may look like anything else. */
export const nameProblem = (name: string): string | undefined => {
  if (pem.test(name)) return "holds a key or certificate"
  return hasUrl(name) && name.includes("@") ? "holds a URL with credentials; give that as `url`" : undefined
}
