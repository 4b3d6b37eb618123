// Typed service identifiers. Symbols from the global registry, so that two copies of a package agree on them;
// the phantom type lets every lookup and binding be checked without decorators.

export type Token<T> = symbol & { readonly __service?: () => T }

/** The token named `name`: `token<Clock>('clock')`. Equal names give equal tokens. */
export const token = <T>(name: string): Token<T> => Symbol.for(`mixlab/${name}`)

/** The name a token was made with. */
export const tokenName = (id: Token<unknown>): string => Symbol.keyFor(id)?.replace(/^mixlab\//, '') ?? String(id)

export type TokenMap = Readonly<Record<string, Token<unknown>>>

/** What a factory that declares `needs` receives for each of them. */
export type Resolved<N> = {
  readonly [K in keyof N]: N[K] extends symbol & { readonly __service?: () => infer T } ? T : never
}
