// Comma-separated values with quoted fields (RFC 4180): fields of the data span lines and hold quotes.

/** Rows of fields; the last line may lack its end. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let [row, field]: [string[], string] = [[], '']
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    if (quoted) {
      if (character !== '"') field += character
      else if (text[i + 1] === '"') field += text[++i]!
      else quoted = false
    } else if (character === '"') quoted = true
    else if (character === ',' || character === '\n') {
      row.push(field.replace(/\r$/, ''))
      field = ''
      if (character === '\n') {
        rows.push(row)
        row = []
      }
    } else field += character
  }
  if (field !== '' || row.length > 0) rows.push([...row, field])
  return rows
}
