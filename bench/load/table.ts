/** Rows of cells as text or HTML: the first column to the left, all others to the right, as numbers stand. */

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function formatTable({ header, rows }: Table): string {
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)));
  const format_row = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  return `${[header, ...rows].map(format_row).join('\n')}\n`;
}

export function formatVerdict(what: string, is_met: boolean): string {
  return `${is_met ? 'met     ' : 'MISSED  '}${what}\n`;
}

export function htmlTable({ header, rows }: Table): string {
  const html_row = (row: readonly string[], tag: 'td' | 'th'): string =>
    `<tr>${row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<table>\n${html_row(header, 'th')}\n${rows.map((row) => html_row(row, 'td')).join('\n')}\n</table>\n`;
}

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
