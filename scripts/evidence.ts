/**
 * Whether `docs/evidence.md` names tests that exist.
 *
 * Its tables have the tests in their last column: a link to a test file, and behind it words of the names of tests in
 * that file, in quotation marks. The names are those vitest collects; `conformance.ts` collects them.
 *
 * @since 0.2.0
 */

/**
 * The names of the tests, by file.
 *
 * @since 0.2.0
 * @category models
 */
export type TestNames = ReadonlyMap<string, ReadonlyArray<string>>

const reference = /\]\(\.\.\/(test\/[^)]+)\):((?:,? "[^"]+")+)/g

/** Of advisories, and of issues in the trackers of others. */
const identifier = /CVE-\d{4}-\d+|GHSA(?:-[0-9a-z]{4}){3}|(?<![\w-])[A-Za-z][\w.-]* #\d+/g

/** The rows of the tables whose last column has tests. */
const rowsOf = (document: string): ReadonlyArray<string> => {
  let isAboutTests = false
  return document.split("\n").filter((line) => {
    if (!line.startsWith("|")) isAboutTests = false
    else if (line.endsWith("| test |")) isAboutTests = true
    else return isAboutTests && !/^[|\s-]+$/.test(line)
    return false
  })
}

const problemsOfRow = (row: string, tests: TestNames): ReadonlyArray<string> => {
  const references = [...row.matchAll(reference)]
  if (references.length === 0) return [`no test in the row ${row.slice(0, 80)}`]
  return references.flatMap(([, file, quotations]) =>
    [...quotations.matchAll(/"([^"]+)"/g)].flatMap(([, words]) =>
      tests.get(file)?.some((name) => name.includes(words)) === true ? [] : [`no test of ${file} is named "${words}"`]
    )
  )
}

/**
 * Why the document is not true: rows without a test, tests that are not there, and identifiers that tests carry and the
 * document lacks.
 *
 * @since 0.2.0
 * @category checking
 */
export const problemsIn = (document: string, tests: TestNames): ReadonlyArray<string> => {
  const carried = new Set([...tests.values()].flat().flatMap((name) => name.match(identifier) ?? []))
  return [
    ...rowsOf(document).flatMap((row) => problemsOfRow(row, tests)),
    ...[...carried].filter((one) => !document.includes(one)).map((one) => `tests carry ${one}, which is in no row`)
  ]
}
