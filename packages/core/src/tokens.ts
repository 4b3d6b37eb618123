// Typed service identifiers. Symbols from the global registry, so that two copies of a package agree on them;
// the phantom type lets every lookup and binding be checked without decorators.

export type Token<T> = symbol & { readonly __service?: (service: T) => T }

/** The token named `name`: `token<Clock>('clock')`. Equal names give equal tokens. */
export const token = <T>(name: string): Token<T> => Symbol.for(`mixlab/${name}`)

/** The name a token was made with. */
export const tokenName = (id: Token<never>): string => Symbol.keyFor(id)?.replace(/^mixlab\//, '') ?? String(id)

export type TokenMap = Readonly<Record<string, Token<never>>>

/** What a factory that declares `needs` receives for each of them. */
export type Resolved<N> = { readonly [K in keyof N]: N[K] extends Token<infer T> ? T : never }
