/** ClickHouse's Native format, written value by value: for tests that need a block which our own writers did not make. */

function varuint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([varuint(bytes.length), bytes]);
}

/** A column as it stands in a block: its name, its type, its values. */
export function column(name: string, type: string, values: Buffer): Buffer {
  return Buffer.concat([text(name), text(type), values]);
}

export function stringColumn(name: string, values: readonly string[]): Buffer {
  return column(name, 'String', Buffer.concat(values.map(text)));
}

export function nativeBlock(rows: number, columns: readonly Buffer[]): Buffer {
  return Buffer.concat([varuint(columns.length), varuint(rows), ...columns]);
}
